-- Names begin with ecp_inbox_ because the merchant's tables stand in the same database.
-- Times are milliseconds since 1970. What the platform named is kept as bytes: it may hold a NUL.

CREATE TABLE ecp_inbox_payments (
    number INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    payment BLOB NOT NULL,
    state TEXT NOT NULL,
    updated INTEGER NOT NULL,
    UNIQUE (project, payment)
) STRICT;

-- The body stands last, so that everything else is read without it.
CREATE TABLE ecp_inbox_callbacks (
    id INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    payment INTEGER REFERENCES ecp_inbox_payments (number),
    content BLOB NOT NULL UNIQUE,
    meaning BLOB UNIQUE,
    first INTEGER REFERENCES ecp_inbox_callbacks (id),
    state TEXT NOT NULL,
    status BLOB,
    received INTEGER NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    last_received INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due INTEGER,
    lease INTEGER,
    error TEXT,
    change TEXT NOT NULL,
    ambiguous TEXT NOT NULL,
    raw BLOB
) STRICT;

CREATE INDEX ecp_inbox_by_state ON ecp_inbox_callbacks (state, id);
CREATE INDEX ecp_inbox_by_payment ON ecp_inbox_callbacks (payment, id);
CREATE INDEX ecp_inbox_waiting ON ecp_inbox_callbacks (due, id) WHERE state = 'waiting';
CREATE INDEX ecp_inbox_waiting_of_payment ON ecp_inbox_callbacks (payment, id)
    WHERE state = 'waiting';
