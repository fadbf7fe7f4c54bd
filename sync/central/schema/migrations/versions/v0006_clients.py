"""Who may speak to central: clients and their tokens, ended terminals, and the events that the back office reads."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """
    CREATE TABLE api_client (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('terminal', 'dealer', 'foreign')),
        scopes TEXT NOT NULL,
        dealer TEXT,
        terminal TEXT,
        epoch BIGINT,
        secret_sha256 TEXT,
        public_key TEXT,
        made_at TEXT NOT NULL,
        revoked_at TEXT,
        UNIQUE (terminal, epoch),
        CHECK ((kind = 'dealer') = (dealer IS NOT NULL)),
        CHECK ((kind = 'terminal') = (terminal IS NOT NULL AND epoch IS NOT NULL)),
        CHECK ((secret_sha256 IS NULL) <> (public_key IS NULL))
    )
    """,
    # A name may be given again once its client is revoked.
    "CREATE UNIQUE INDEX api_client_by_name ON api_client (name) WHERE revoked_at IS NULL",
    """
    CREATE TABLE access_token (
        token_sha256 TEXT PRIMARY KEY,
        client_id TEXT NOT NULL REFERENCES api_client (id),
        scopes TEXT NOT NULL,
        expires_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX access_token_by_client ON access_token (client_id)",
    "CREATE INDEX access_token_by_end ON access_token (expires_at)",
    """
    CREATE TABLE used_assertion (
        client_id TEXT NOT NULL REFERENCES api_client (id),
        jti_sha256 TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        PRIMARY KEY (client_id, jti_sha256)
    )
    """,
    "CREATE INDEX used_assertion_by_end ON used_assertion (expires_at)",
    "CREATE TABLE token_try (source_sha256 TEXT NOT NULL, at_utc TEXT NOT NULL)",
    "CREATE INDEX token_try_by_source ON token_try (source_sha256, at_utc)",
    "CREATE INDEX token_try_by_time ON token_try (at_utc)",
    """
    CREATE TABLE central_audit (
        number BIGINT PRIMARY KEY,
        at_utc TEXT NOT NULL,
        event TEXT NOT NULL,
        subject TEXT NOT NULL,
        actor TEXT NOT NULL,
        detail TEXT NOT NULL
    )
    """,
    "CREATE INDEX central_audit_by_subject ON central_audit (subject, event)",
    # Why a terminal may not speak any more: retired or lost. A new enrolment ends that.
    "ALTER TABLE terminal ADD COLUMN ended TEXT",
    "ALTER TABLE terminal ADD COLUMN ended_at TEXT",
    # Whose client told a payment: a dealer's, by its token.
    "ALTER TABLE payment ADD COLUMN dealer TEXT",
    "CREATE INDEX payment_by_dealer ON payment (dealer)",
)

APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER central_audit_no_update BEFORE UPDATE ON central_audit"
        " BEGIN SELECT RAISE(ABORT, 'central_audit is append-only'); END",
        "CREATE TRIGGER central_audit_no_delete BEFORE DELETE ON central_audit"
        " BEGIN SELECT RAISE(ABORT, 'central_audit is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'central_audit is append-only'; END $$",
        "CREATE TRIGGER central_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON central_audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
    ),
}


def upgrade() -> None:
    for statement in STATEMENTS + APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
