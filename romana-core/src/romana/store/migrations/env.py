"""Entry point of Alembic: it migrates on the connection that `romana.store.migrate` hands over."""

from alembic import context

from romana.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
    transactional_ddl=False,  # the caller's transaction is around it
)
context.run_migrations()
