-- Callbacks to be published, in the order in which the states of their payments took them in. Triggers fill
-- it, which are there while an outbox is kept.
CREATE TABLE ecp_inbox_outbox (
    place INTEGER PRIMARY KEY,
    callback INTEGER NOT NULL
) STRICT;

-- Who publishes, and until when nobody else does. One row.
CREATE TABLE ecp_inbox_publisher (holder INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;
INSERT INTO ecp_inbox_publisher VALUES (0, 0);
