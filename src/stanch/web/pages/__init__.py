"""The console's pages: views to HTML, forms to units of work. Every form works without a script."""

from stanch.web.pages import access, files, now, playbooks, procedures, reviews, room

handlers = [
    *now.handlers,
    *room.handlers,
    *playbooks.handlers,
    *procedures.handlers,
    *reviews.handlers,
    *access.handlers,
    *files.handlers,
]
