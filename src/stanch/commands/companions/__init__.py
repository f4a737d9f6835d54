"""What goes along with the commands of one tool, one file a tool; `table.companions_of` finds them."""
