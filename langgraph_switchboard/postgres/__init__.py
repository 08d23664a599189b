"""Postgres: the embedded server, pools, migrations, queries."""
