//! The tables, in a schema of their own beside those of the service.

use std::cmp::Ordering;

use ecp_postgres::{MigrationError, Migrations};

use super::session::{Session, failed};
use crate::error::{InboxError, InboxErrorKind};

const MIGRATIONS: Migrations = Migrations { schema: "ecp_inbox", lock: LOCK, steps: STEPS };

/// Migrations from each version to the next. A released one is never changed.
const STEPS: &[&str] = &[
    "
    -- What was heard of a payment, folded. The key is the SHA-256 of project and payment: ids that
    -- come from the platform may be longer than a key of an index, and hold what is not text.
    CREATE TABLE ecp_inbox.payments (
        key bytea PRIMARY KEY,
        project bigint NOT NULL,
        payment bytea NOT NULL,
        status text,
        state text NOT NULL,
        updated bigint NOT NULL
    );
    CREATE TABLE ecp_inbox.callbacks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        project bigint NOT NULL,
        payment_key bytea,
        payment bytea,
        content bytea NOT NULL,
        meaning bytea,
        first_id bigint,
        state text NOT NULL,
        status bytea,
        received bigint NOT NULL,
        times integer NOT NULL DEFAULT 1,
        last_received bigint NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        due bigint,
        lease bigint NOT NULL DEFAULT 0,
        leased boolean NOT NULL DEFAULT false,
        error text,
        change text NOT NULL,
        ambiguous text NOT NULL,
        raw bytea
    );
    CREATE UNIQUE INDEX callbacks_content ON ecp_inbox.callbacks (content);
    CREATE UNIQUE INDEX callbacks_meaning ON ecp_inbox.callbacks (meaning)
        WHERE first_id IS NULL AND state <> 'held';
    CREATE INDEX callbacks_payment ON ecp_inbox.callbacks (payment_key, id);
    CREATE INDEX callbacks_due ON ecp_inbox.callbacks (due, id) WHERE state = 'waiting';
    CREATE INDEX callbacks_state ON ecp_inbox.callbacks (state, id) WHERE state <> 'done';
    -- Bodies do not shrink, and a row is written more than once.
    ALTER TABLE ecp_inbox.callbacks ALTER COLUMN raw SET STORAGE EXTERNAL;
",
    "
    -- When `due` was set while it is in the future, by the clock of that time: it shows that the
    -- clock was set back since.
    ALTER TABLE ecp_inbox.callbacks ADD COLUMN since bigint;
",
    "
    -- Numbers of callbacks by state, and of payments, kept so that no query has to count them: the sum of
    -- what each transaction adds. One row a number would make all transactions wait for each other.
    LOCK TABLE ecp_inbox.payments, ecp_inbox.callbacks IN SHARE ROW EXCLUSIVE MODE;
    CREATE TABLE ecp_inbox.counts (name text NOT NULL, change bigint NOT NULL);
    INSERT INTO ecp_inbox.counts
        SELECT state, count(*) FROM ecp_inbox.callbacks GROUP BY state
        UNION ALL SELECT 'payments', count(*) FROM ecp_inbox.payments;

    -- Now and then a transaction adds up what there is. It leaves out what others are adding up.
    CREATE FUNCTION ecp_inbox.add_up_counts() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < 0.01 AND current_setting('transaction_isolation') = 'read committed' THEN
            WITH added AS (
                DELETE FROM ecp_inbox.counts WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM ecp_inbox.counts LIMIT 10000 FOR UPDATE SKIP LOCKED))
                RETURNING name, change
            )
            INSERT INTO ecp_inbox.counts SELECT name, sum(change) FROM added GROUP BY name;
        END IF;
    END $$;
    CREATE FUNCTION ecp_inbox.count_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ecp_inbox.counts SELECT state, count(*) FROM inserted GROUP BY state;
        PERFORM ecp_inbox.add_up_counts();
        RETURN NULL;
    END $$;
    CREATE FUNCTION ecp_inbox.count_updated() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ecp_inbox.counts
            SELECT state, sum(change) FROM (
                SELECT state, 1 AS change FROM new_rows UNION ALL SELECT state, -1 FROM old_rows
            ) AS changed
            GROUP BY state HAVING sum(change) <> 0;
        IF FOUND THEN PERFORM ecp_inbox.add_up_counts(); END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION ecp_inbox.count_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ecp_inbox.counts SELECT state, -count(*) FROM deleted GROUP BY state;
        RETURN NULL;
    END $$;
    CREATE FUNCTION ecp_inbox.count_payments() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ecp_inbox.counts
            SELECT 'payments', CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
            FROM changed HAVING count(*) > 0;
        RETURN NULL;
    END $$;
    CREATE TRIGGER count_inserted AFTER INSERT ON ecp_inbox.callbacks
        REFERENCING NEW TABLE AS inserted
        FOR EACH STATEMENT EXECUTE FUNCTION ecp_inbox.count_inserted();
    CREATE TRIGGER count_updated AFTER UPDATE ON ecp_inbox.callbacks
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION ecp_inbox.count_updated();
    CREATE TRIGGER count_deleted AFTER DELETE ON ecp_inbox.callbacks
        REFERENCING OLD TABLE AS deleted
        FOR EACH STATEMENT EXECUTE FUNCTION ecp_inbox.count_deleted();
    CREATE TRIGGER count_inserted AFTER INSERT ON ecp_inbox.payments
        REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION ecp_inbox.count_payments();
    CREATE TRIGGER count_deleted AFTER DELETE ON ecp_inbox.payments
        REFERENCING OLD TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION ecp_inbox.count_payments();
",
    "
    -- Callbacks to be published, in the order in which the states of their payments took them in.
    -- Triggers fill it, which are there while an outbox is kept. They run while the payment's row is
    -- locked, so that places of a payment grow with time.
    CREATE TABLE ecp_inbox.outbox (
        place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        callback bigint NOT NULL
    );
    CREATE FUNCTION ecp_inbox.outbox_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ecp_inbox.outbox (callback)
            SELECT id FROM inserted WHERE state = 'waiting' ORDER BY id;
        RETURN NULL;
    END $$;
    CREATE FUNCTION ecp_inbox.outbox_released() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ecp_inbox.outbox (callback) VALUES (NEW.id);
        RETURN NULL;
    END $$;
    -- Who publishes, and until when nobody else does. One row.
    CREATE TABLE ecp_inbox.publisher (holder bigint NOT NULL, until bigint NOT NULL);
    INSERT INTO ecp_inbox.publisher VALUES (0, 0);
",
    "
    -- The two halves of a batch of callbacks, each a call. A server keeps the plans of a function for as long
    -- as a connection lasts, also for statements without a name, and takes one statement in place of many.
    -- Rows are found by indexes even if the plans are of when the tables were empty; plans that would
    -- read a whole table have a high estimated cost, and would be compiled.

    -- Locks the payments that are there, in the order of their keys, so that no two batches wait for
    -- each other, and then looks for callbacks that are there. Each statement sees what was committed before it
    -- begins. Ids are taken after the locks, so that ids of a payment's callbacks grow with time.
    CREATE FUNCTION ecp_inbox.begin_batch(
        keys bytea[], owners bytea[], contents bytea[], meanings bytea[],
        OUT locked bytea[], OUT states text[],
        OUT known bigint[], OUT digests bytea[], OUT same boolean[],
        OUT ids bigint[]
    ) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
    BEGIN
        SELECT array_agg(payment.key), array_agg(payment.state) INTO locked, states FROM (
            SELECT key, state FROM ecp_inbox.payments WHERE key = ANY(keys) ORDER BY key FOR UPDATE
        ) AS payment;
        -- A callback can be known only if its payment is.
        IF locked IS NOT NULL THEN
            SELECT array_agg(given.content), array_agg(given.meaning) INTO contents, meanings
            FROM unnest(owners, contents, meanings) AS given (owner, content, meaning)
            WHERE given.owner = ANY(locked);
            SELECT array_agg(found.id), array_agg(found.digest), array_agg(found.is_same)
            INTO known, digests, same FROM (
                SELECT id, content AS digest, true AS is_same FROM ecp_inbox.callbacks
                WHERE content = ANY(contents)
                UNION ALL
                SELECT id, meaning, false FROM ecp_inbox.callbacks
                WHERE meaning = ANY(meanings) AND first_id IS NULL AND state <> 'held'
            ) AS found;
        END IF;
        SELECT array_agg(nextval('ecp_inbox.callbacks_id_seq')) INTO ids
        FROM generate_series(1, cardinality(owners));
    END $$;

    -- Writes what was decided. A payment that another transaction made since the first half fails the
    -- whole, because its state and its callbacks were not seen. Repeated callbacks are locked in the order
    -- of their ids, as ends of attempts are.
    CREATE FUNCTION ecp_inbox.end_batch(
        new_keys bytea[], new_projects bigint[], new_payments bytea[], new_states text[], new_statuses text[],
        moved_keys bytea[], moved_states text[], moved_statuses text[],
        ids bigint[], projects bigint[], keys bytea[], payments bytea[], contents bytea[], meanings bytea[],
        firsts bigint[], states text[], statuses bytea[], changes text[], ambiguities text[], bodies bytea[],
        repeated_ids bigint[], repeated_times integer[], given_at bigint
    ) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
    BEGIN
        IF cardinality(new_keys) > 0 THEN
            INSERT INTO ecp_inbox.payments (key, project, payment, state, status, updated)
            SELECT key, project, payment, state, status, given_at
            FROM unnest(new_keys, new_projects, new_payments, new_states, new_statuses)
                AS given (key, project, payment, state, status)
            ORDER BY key;
        END IF;
        IF cardinality(moved_keys) > 0 THEN
            UPDATE ecp_inbox.payments AS payment
            SET state = given.state, status = given.status, updated = given_at
            FROM unnest(moved_keys, moved_states, moved_statuses) AS given (key, state, status)
            WHERE payment.key = given.key;
        END IF;
        IF cardinality(ids) > 0 THEN
            INSERT INTO ecp_inbox.callbacks (id, project, payment_key, payment, content, meaning, first_id,
                state, status, received, last_received, due, change, ambiguous, raw)
            OVERRIDING SYSTEM VALUE
            SELECT id, project, payment_key, payment, content, meaning, first_id, state, status,
                given_at, given_at, CASE WHEN state = 'waiting' THEN given_at END, change, ambiguous, raw
            FROM unnest(ids, projects, keys, payments, contents, meanings, firsts, states, statuses, changes,
                    ambiguities, bodies)
                AS given (id, project, payment_key, payment, content, meaning, first_id, state, status,
                    change, ambiguous, raw);
        END IF;
        IF cardinality(repeated_ids) > 0 THEN
            WITH repeated AS MATERIALIZED (
                SELECT id FROM ecp_inbox.callbacks WHERE id = ANY(repeated_ids) ORDER BY id FOR UPDATE
            )
            UPDATE ecp_inbox.callbacks AS callback
            SET times = times + given.more, last_received = greatest(last_received, given_at)
            FROM repeated JOIN unnest(repeated_ids, repeated_times) AS given (id, more) USING (id)
            WHERE callback.id = repeated.id;
        END IF;
        -- The commit is on the disk when it returns, also where the server is set not to wait.
        IF current_setting('synchronous_commit') = 'off' THEN
            PERFORM set_config('synchronous_commit', 'on', true);
        END IF;
    END $$;
",
    "
    -- Payments have numbers that grow with time, and the keys of digests, which are random, begin with them:
    -- what an accept changes in an index is near what the accept before it changed. With millions of
    -- callbacks, each page that is changed elsewhere is written to the log whole after a checkpoint.
    LOCK TABLE ecp_inbox.payments, ecp_inbox.callbacks IN ACCESS EXCLUSIVE MODE;
    DROP FUNCTION ecp_inbox.begin_batch, ecp_inbox.end_batch;
    DROP INDEX ecp_inbox.callbacks_content, ecp_inbox.callbacks_meaning, ecp_inbox.callbacks_payment,
        ecp_inbox.callbacks_due, ecp_inbox.callbacks_state;
    -- A callback whose payment was deleted by hand.
    INSERT INTO ecp_inbox.payments (key, project, payment, state, updated)
        SELECT DISTINCT ON (payment_key) payment_key, project, payment, '{}', received
        FROM ecp_inbox.callbacks
        WHERE payment_key IS NOT NULL
            AND NOT EXISTS (SELECT FROM ecp_inbox.payments WHERE key = payment_key);
    -- Ids of callbacks and numbers of payments are of one sequence: a new payment has the id of its first
    -- callback.
    ALTER TABLE ecp_inbox.payments
        ADD COLUMN number bigint NOT NULL DEFAULT nextval('ecp_inbox.callbacks_id_seq');
    ALTER TABLE ecp_inbox.payments ALTER COLUMN number DROP DEFAULT;
    CREATE UNIQUE INDEX payments_number ON ecp_inbox.payments (number);
    ALTER TABLE ecp_inbox.callbacks ADD COLUMN payment_number bigint;
    ALTER TABLE ecp_inbox.callbacks DISABLE TRIGGER count_updated;
    UPDATE ecp_inbox.callbacks SET payment_number = payments.number
        FROM ecp_inbox.payments WHERE payments.key = callbacks.payment_key;
    ALTER TABLE ecp_inbox.callbacks ENABLE TRIGGER count_updated;
    ALTER TABLE ecp_inbox.callbacks DROP COLUMN payment_key;
    CREATE UNIQUE INDEX callbacks_content ON ecp_inbox.callbacks (payment_number, content)
        WHERE payment_number IS NOT NULL;
    CREATE UNIQUE INDEX callbacks_content_without_payment ON ecp_inbox.callbacks (content)
        WHERE payment_number IS NULL;
    CREATE UNIQUE INDEX callbacks_meaning ON ecp_inbox.callbacks (payment_number, meaning)
        WHERE first_id IS NULL AND state <> 'held' AND meaning IS NOT NULL;
    CREATE INDEX callbacks_payment ON ecp_inbox.callbacks (payment_number, id);
    CREATE INDEX callbacks_due ON ecp_inbox.callbacks (due, id) WHERE state = 'waiting';
    CREATE INDEX callbacks_state ON ecp_inbox.callbacks (state, id) WHERE state <> 'done';
    ANALYZE ecp_inbox.callbacks (payment_number);

    -- Without its payment, a callback would not be found when it is repeated. A reference would be
    -- checked with each insert.
    CREATE FUNCTION ecp_inbox.keep_payment() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM ecp_inbox.callbacks WHERE payment_number = OLD.number) THEN
            RAISE EXCEPTION 'the payment has callbacks: delete those first'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$;
    CREATE TRIGGER keep_payment BEFORE DELETE ON ecp_inbox.payments
        FOR EACH ROW EXECUTE FUNCTION ecp_inbox.keep_payment();

    -- As before, with numbers of payments. Plans may be of when the tables had one row. So they join by
    -- looking rows up, and what is looked for is given as an array too: no plan reads a whole index.
    CREATE FUNCTION ecp_inbox.begin_batch(
        keys bytea[], owners bytea[], contents bytea[], meanings bytea[],
        OUT locked bytea[], OUT numbers bigint[], OUT states text[],
        OUT known bigint[], OUT digests bytea[], OUT same boolean[],
        OUT ids bigint[]
    ) LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
    SET jit = off SET plan_cache_mode = force_generic_plan AS $$
    DECLARE
        stored integer := 0;
    BEGIN
        SELECT array_agg(payment.key), array_agg(payment.number), array_agg(payment.state)
        INTO locked, numbers, states FROM (
            SELECT key, number, state FROM ecp_inbox.payments
            WHERE key = ANY(keys) ORDER BY key FOR UPDATE
        ) AS payment;
        -- A callback can be known only if its payment is.
        IF locked IS NOT NULL THEN
            SELECT array_agg(found.id), array_agg(found.digest), array_agg(found.is_same),
                count(*) FILTER (WHERE found.is_same)
            INTO known, digests, same, stored
            FROM unnest(locked, numbers) AS payment (key, number)
            JOIN unnest(owners, contents, meanings) AS given (owner, content, meaning)
                ON given.owner = payment.key
            CROSS JOIN LATERAL (
                SELECT id, content AS digest, true AS is_same FROM ecp_inbox.callbacks
                WHERE payment_number = payment.number AND content = given.content
                UNION ALL
                SELECT id, meaning, false FROM ecp_inbox.callbacks
                WHERE payment_number = payment.number AND meaning = given.meaning
                    AND first_id IS NULL AND state <> 'held'
            ) AS found;
        END IF;
        SELECT array_agg(nextval('ecp_inbox.callbacks_id_seq')) INTO ids
        FROM generate_series(1, cardinality(owners) - stored);
    END $$;

    CREATE FUNCTION ecp_inbox.end_batch(
        new_numbers bigint[], new_keys bytea[], new_projects bigint[], new_payments bytea[], new_states text[],
        new_statuses text[], moved_numbers bigint[], moved_states text[], moved_statuses text[],
        ids bigint[], projects bigint[], numbers bigint[], payments bytea[], contents bytea[],
        meanings bytea[], firsts bigint[], states text[], statuses bytea[], changes text[],
        ambiguities text[], bodies bytea[],
        repeated_numbers bigint[], repeated_ids bigint[], repeated_times integer[], given_at bigint
    ) RETURNS void LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
    SET jit = off SET plan_cache_mode = force_generic_plan AS $$
    BEGIN
        IF cardinality(new_keys) > 0 THEN
            INSERT INTO ecp_inbox.payments (number, key, project, payment, state, status, updated)
            SELECT number, key, project, payment, state, status, given_at
            FROM unnest(new_numbers, new_keys, new_projects, new_payments, new_states, new_statuses)
                AS given (number, key, project, payment, state, status)
            ORDER BY key;
        END IF;
        IF cardinality(moved_numbers) > 0 THEN
            UPDATE ecp_inbox.payments AS payment
            SET state = given.state, status = given.status, updated = given_at
            FROM unnest(moved_numbers, moved_states, moved_statuses) AS given (number, state, status)
            WHERE payment.number = ANY(moved_numbers) AND payment.number = given.number;
        END IF;
        IF cardinality(ids) > 0 THEN
            INSERT INTO ecp_inbox.callbacks (id, project, payment_number, payment, content, meaning, first_id,
                state, status, received, last_received, due, change, ambiguous, raw)
            OVERRIDING SYSTEM VALUE
            SELECT id, project, payment_number, payment, content, meaning, first_id, state, status,
                given_at, given_at, CASE WHEN state = 'waiting' THEN given_at END, change, ambiguous, raw
            FROM unnest(ids, projects, numbers, payments, contents, meanings, firsts, states, statuses,
                    changes, ambiguities, bodies)
                AS given (id, project, payment_number, payment, content, meaning, first_id, state, status,
                    change, ambiguous, raw);
        END IF;
        IF cardinality(repeated_ids) > 0 THEN
            WITH repeated AS MATERIALIZED (
                SELECT id FROM ecp_inbox.callbacks
                WHERE payment_number = ANY(repeated_numbers) AND id = ANY(repeated_ids)
                ORDER BY id FOR UPDATE
            )
            UPDATE ecp_inbox.callbacks AS callback
            SET times = times + given.more, last_received = greatest(last_received, given_at)
            FROM repeated JOIN unnest(repeated_numbers, repeated_ids, repeated_times)
                AS given (payment_number, id, more) USING (id)
            WHERE callback.payment_number = given.payment_number AND callback.id = given.id;
        END IF;
        IF current_setting('synchronous_commit') = 'off' THEN
            PERFORM set_config('synchronous_commit', 'on', true);
        END IF;
    END $$;
",
];

/// Key of the advisory lock for replicas that start at the same time: `ecpinbox` in ASCII.
pub(super) const LOCK: i64 = i64::from_be_bytes(*b"ecpinbox");

/// Checks that there is an inbox and its tables are of this version. Changes nothing.
pub(super) async fn check(session: &Session) -> Result<(), InboxError> {
    let opening = "opening the inbox";
    let version = MIGRATIONS.version(session.unnamed()).await.map_err(failed(opening))?;
    match version.map(|version| version.cmp(&MIGRATIONS.newest())) {
        None => Err(InboxError::plain(InboxErrorKind::NoInbox, opening)),
        Some(Ordering::Less) => Err(InboxError::plain(InboxErrorKind::Older, opening)),
        Some(Ordering::Equal) => Ok(()),
        Some(Ordering::Greater) => Err(InboxError::plain(InboxErrorKind::Newer, opening)),
    }
}

/// Migrates the tables to this version. Replicas may do so at the same time.
pub(super) async fn migrate(session: &Session) -> Result<(), InboxError> {
    MIGRATIONS.migrate(session.unnamed()).await.map_err(|error| match error {
        MigrationError::Newer(version) => InboxError::new(
            InboxErrorKind::Newer,
            "opening the inbox",
            format!(
                "the tables have version {version}, and this ecp-inbox knows them up to version {}",
                MIGRATIONS.newest()
            ),
        ),
        MigrationError::Postgres(error) => failed("bringing the inbox's tables up to date")(error),
        error => InboxError::new(InboxErrorKind::Unavailable, "opening the inbox", error),
    })
}
