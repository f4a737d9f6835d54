"""The schema's history, one file a revision in `versions/`, applied in process by `stanch.store.schema`."""

# In order; a test holds that these are the files.
REVISIONS = ("0001",)
HEAD = REVISIONS[-1]
