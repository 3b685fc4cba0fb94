//! What examining a store finds, each finding made by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_inbox::{Finding, Level, Topic};

/// The findings of a level, as lines.
pub(crate) fn of(findings: &[Finding], level: Level) -> Vec<String> {
    let of_level = findings.iter().filter(|finding| finding.level == level);
    of_level.map(|finding| format!("{}: {}", finding.topic, finding.text)).collect()
}

/// Whether there is a finding of a level that says this.
#[track_caller]
pub(crate) fn has(findings: &[Finding], level: Level, topic: Topic, text: &str) {
    let found = findings.iter().any(|finding| {
        let says = finding.text.contains(text)
            || finding.advice.as_ref().is_some_and(|advice| advice.contains(text));
        finding.level == level && finding.topic == topic && says
    });
    assert!(found, "{text:?} is not among {findings:#?}");
    let fine =
        findings.iter().find(|finding| finding.level > Level::Fine && finding.advice.is_none());
    assert_eq!(fine, None, "it does not say what to do");
}

#[cfg(all(feature = "sqlite", unix))]
mod sqlite {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use ecp_inbox::Inbox;
    use ecp_inbox::conformance::{Body, clock};
    use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};

    use super::*;

    #[tokio::test]
    async fn a_file_is_examined_without_being_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        let findings = SqliteOptions::new().examine(&path).await;
        assert_eq!(of(&findings, Level::Problem).len(), 1, "{findings:?}");
        assert!(!path.exists());
        fs::write(&path, "no database at all, and long enough for a head").unwrap();
        let findings = SqliteOptions::new().examine(&path).await;
        has(&findings, Level::Problem, Topic::Connection, "not an inbox");
        fs::remove_file(&path).unwrap();

        let inbox = SqliteInbox::open(&path).await.unwrap();
        inbox.accept(&Body::new("X1", 1, "success").verified()).await.unwrap();
        let findings = SqliteOptions::new().examine(&path).await;
        assert_eq!(of(&findings, Level::Problem), [""; 0]);
        assert_eq!(
            of(&findings, Level::Warning),
            ["replicas: callbacks are in one file on one disk"]
        );
        has(&findings, Level::Fine, Topic::Durability, "WAL with synchronous=FULL");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        // This clock is years behind the one that the callback was received by.
        let findings = SqliteOptions::new().clock(clock()).examine(&path).await;
        has(&findings, Level::Warning, Topic::Permissions, "its mode is 644");
        has(&findings, Level::Warning, Topic::Clock, "in the future");
        assert_eq!(of(&findings, Level::Problem), [""; 0]);
    }
}

#[cfg(all(feature = "postgres", unix))]
mod postgres {
    use std::time::Duration;

    use ecp_core::Timestamp;
    use ecp_inbox::conformance::{Body, clock};
    use ecp_inbox::postgres::PostgresOptions;
    use ecp_inbox::postgres::tokio_postgres::{Config, NoTls};
    use ecp_inbox::{Claim, Finish, Inbox};
    use ecp_testkit::postgres::{Pooler, Server};

    use super::*;

    /// The rights of a service's role, as the documentation gives them.
    fn documented_grants() -> Vec<String> {
        let page = include_str!("../../../docs/operations/running.md");
        let script = page.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
        script
            .split(';')
            .map(str::trim)
            .filter(|grant| !grant.is_empty())
            .map(str::to_owned)
            .collect()
    }

    async fn examine(database: &str) -> Vec<Finding> {
        PostgresOptions::new().examine(database.parse().unwrap()).await
    }

    #[tokio::test]
    async fn the_documented_rights_suffice_and_each_missing_one_is_named() {
        let left_out = "examining an inbox in Postgres";
        let Some(server) = Server::start_or_skip(left_out) else { return };
        let owner = server.database().unwrap();
        let findings = examine(&owner).await;
        has(&findings, Level::Problem, Topic::Versions, "no schema ecp_inbox");
        drop(PostgresOptions::new().open(owner.parse().unwrap()).await.unwrap());
        let findings = examine(&owner).await;
        assert_eq!(of(&findings, Level::Problem), [""; 0]);
        assert_eq!(
            of(&findings, Level::Warning),
            ["replicas: there is no replica: callbacks are on one server only"]
        );
        has(&findings, Level::Fine, Topic::Pooler, "no pooler");

        server.run_in(&owner, &["CREATE ROLE shop LOGIN"]).unwrap();
        let shop = owner.replace("user=postgres", "user=shop");
        let findings = examine(&shop).await;
        has(
            &findings,
            Level::Problem,
            Topic::Permissions,
            "GRANT USAGE ON SCHEMA ecp_inbox TO shop",
        );
        let grants = documented_grants();
        for grant in &grants {
            server.run_in(&owner, &[grant]).unwrap();
        }
        works(&shop).await;
        let findings = examine(&shop).await;
        assert_eq!(of(&findings, Level::Problem), [""; 0]);
        has(&findings, Level::Warning, Topic::Permissions, "existing_only");

        for grant in &grants {
            let revoke = grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM ");
            server.run_in(&owner, &[&revoke]).unwrap();
            let findings = examine(&shop).await;
            let right = grant.split([' ', ',']).nth(1).unwrap();
            has(&findings, Level::Problem, Topic::Permissions, &format!("GRANT {right} ON"));
            server.run_in(&owner, &[grant]).unwrap();
        }

        // Functions may be executed by all, unless that is revoked.
        let function = "EXECUTE ON FUNCTION ecp_inbox.end_batch";
        server.run_in(&owner, &[&format!("REVOKE {function} FROM PUBLIC")]).unwrap();
        let findings = examine(&shop).await;
        has(&findings, Level::Problem, Topic::Permissions, &format!("GRANT {function} TO shop"));
        server.run_in(&owner, &[&format!("GRANT {function} TO shop")]).unwrap();
        assert_eq!(of(&examine(&shop).await, Level::Problem), [""; 0]);

        // The schema of another version, a clock that differs, and a pooler.
        let newer = "INSERT INTO ecp_inbox.migrations (version) VALUES (1000)";
        server.run_in(&owner, &[newer]).unwrap();
        let options = PostgresOptions::new().clock(clock());
        let findings = options.examine(owner.parse().unwrap()).await;
        has(&findings, Level::Problem, Topic::Versions, "newer version");
        has(&findings, Level::Warning, Topic::Clock, "ahead of this machine's");
        if let Some(pooler) = Pooler::start_or_skip(&server, 3, left_out) {
            let findings = examine(&pooler.before(&owner)).await;
            has(
                &findings,
                Level::Fine,
                Topic::Pooler,
                "a pooler in transaction mode is in between",
            );
        }
        let findings = examine(&owner.replace("dbname=", "dbname=no_")).await;
        has(&findings, Level::Problem, Topic::Connection, "does not exist");
    }

    /// Does all that a service does with an inbox.
    async fn works(database: &str) {
        let config: Config = database.parse().unwrap();
        let options = PostgresOptions::new().existing_only();
        let inbox = options.open(config.clone()).await.unwrap();
        let accepts = (0..20_u64).map(|number| {
            let inbox = inbox.clone();
            let body = Body::new(format!("X{}", number / 2), number % 4 / 2, "success").verified();
            tokio::spawn(async move { inbox.accept(&body).await.unwrap() })
        });
        for accept in accepts.collect::<Vec<_>>() {
            accept.await.unwrap();
        }
        let held = Body::new("held", 1, "success").doubtful().verified();
        inbox.accept(&held).await.unwrap();
        let claim = Claim::new(100, Duration::from_secs(30)).attempts(20);
        let claimed = inbox.claim(&claim).await.unwrap().deliveries;
        assert!(!claimed.is_empty());
        for delivery in &claimed {
            assert!(inbox.finish(delivery, Finish::Done).await.unwrap());
        }
        assert!(inbox.replay(claimed[0].id).await.unwrap());
        assert_eq!(inbox.claim_held(&claim).await.unwrap().questions.len(), 1);
        inbox.remove_bodies(Timestamp::from_unix_seconds(1 << 33).unwrap()).await.unwrap();
        assert_eq!(inbox.stats().await.unwrap().held, 1);
        // The triggers add up counts now and then.
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let often = "SELECT count(ecp_inbox.add_up_counts()) FROM generate_series(1, 1000)";
        client.batch_execute(often).await.unwrap();
    }
}
