"""What each page shows, as plain records built from rows; nothing here knows HTML but the document of a playbook."""
