//! An inbox in Postgres as the command reaches it: over TLS, and through a pooler.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Output;

use crate::support::{ecp, stderr, stdout};
use ecp_inbox::Inbox;
use ecp_inbox::conformance::Body;
use ecp_inbox::postgres::PostgresInbox;
use ecp_testkit::postgres::{Identity, Pooler, Server};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

type Environment<'a> = &'a [(&'a str, &'a str)];

const PASSWORD: &str = "sentinel p%ss";

struct Place {
    folder: TempDir,
    server: Server,
    database: String,
    name: String,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

impl Place {
    /// A server that lets nobody in without TLS, and an inbox with one callback.
    fn new(left_out: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority();
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &authority).unwrap();
        let identity = Identity { certificate: certificate.pem(), key: key.serialize_pem() };
        let server = Server::start_with_tls_or_skip(&identity, left_out)?;
        std::fs::write(folder.path().join("right.pem"), authority.pem()).unwrap();
        std::fs::write(folder.path().join("wrong.pem"), self::authority().pem()).unwrap();
        let database = server.database().unwrap();
        let name = database.split(' ').find_map(|pair| pair.strip_prefix("dbname=")).unwrap();
        let name = name.to_owned();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let inbox = PostgresInbox::open(database.parse().unwrap()).await.unwrap();
            inbox.accept(&Body::new("P1", 1, "success").verified()).await.unwrap();
            let (client, connection) = ecp_inbox::postgres::tokio_postgres::connect(
                &database,
                ecp_inbox::postgres::tokio_postgres::NoTls,
            )
            .await
            .unwrap();
            tokio::spawn(connection);
            let role = format!("CREATE ROLE customer LOGIN SUPERUSER PASSWORD '{PASSWORD}'");
            client.batch_execute(&role).await.unwrap();
        });
        Some(Self { folder, server, database, name })
    }

    fn pem(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self, user: &str, host: &str, words: &str) -> String {
        format!("postgres://{user}@{host}:{}/{}{words}", self.server.port().unwrap(), self.name)
    }

    fn stats(&self, address: &str, environment: Environment<'_>) -> Output {
        let arguments = ["inbox", "stats", "--postgres", address];
        let mut command = ecp(self.folder.path(), &arguments);
        for name in ["PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT", "PGCHANNELBINDING"] {
            command.env_remove(name);
        }
        command.envs(environment.iter().copied()).output().unwrap()
    }
}

#[test]
fn an_inbox_is_reached_over_tls_as_the_address_asks() {
    let Some(place) = Place::new("`ecp` over TLS to Postgres") else { return };
    let (right, wrong) = (place.pem("right.pem"), place.pem("wrong.pem"));
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    let full = format!("?sslmode=verify-full&sslrootcert={right}");
    let url = |words: &str| place.url("postgres", "localhost", words);
    let good: [(String, Environment<'_>); 8] = [
        (url(""), &[]),
        (url("?sslmode=require"), &[]),
        (url(&format!("?sslmode=verify-ca&sslrootcert={right}")), &[]),
        (url(&full), &[]),
        (url(""), &[("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", right)]),
        // What the machine trusts.
        (url("?sslmode=verify-full"), &[("SSL_CERT_FILE", right)]),
        (url("?sslrootcert=system"), &[("SSL_CERT_FILE", right)]),
        (
            place.url("customer", "localhost", &full),
            &[("PGPASSWORD", PASSWORD), ("PGCHANNELBINDING", "require")],
        ),
    ];
    for (address, environment) in good {
        let output = place.stats(&address, environment);
        assert!(output.status.success(), "{address} {environment:?}: {}", stderr(&output));
        assert!(stdout(&output).contains("waiting"), "{}", stdout(&output));
    }

    let bad: [(String, Environment<'_>, i32, &str); 11] = [
        (url("?sslmode=disable"), &[], 1, "SQLSTATE 28000"),
        (url(&full.replace("right", "wrong")), &[], 1, "invalid peer certificate"),
        (place.url("postgres", "127.0.0.1", &full), &[], 1, "not valid for name"),
        (
            url(""),
            &[("PGSSLMODE", "verify-full"), ("SSL_CERT_FILE", wrong)],
            1,
            "invalid peer certificate",
        ),
        (
            url(""),
            &[("PGSSLMODE", "sentinel")],
            2,
            "error: cannot use the address of --postgres with the environment variable PGSSLMODE: the value of the Postgres keyword `sslmode` must be `dis",
        ),
        (
            url(""),
            &[("PGSSLMODE", "verify-ca"), ("PGCHANNELBINDING", "prefer")],
            2,
            "with the environment variable PGSSLMODE: the value of the Postgres keyword `sslrootcert` must be a file",
        ),
        (
            url("?sslmode=require"),
            &[("PGSSLROOTCERT", "system"), ("PGCHANNELBINDING", "sentinel")],
            2,
            "with the environment variables PGSSLROOTCERT and PGCHANNELBINDING: the value of the Postgres keyword",
        ),
        (
            url("?sslcert=sentinel.pem"),
            &[],
            2,
            "error: cannot use the address of --postgres: the Postgres keyword `sslcert` is known to libpq and not taken here; leave it out",
        ),
        (
            url("?sslmode=verify-ca"),
            &[],
            2,
            "error: cannot use the address of --postgres: the value of the Postgres keyword `sslrootcert` must be a file",
        ),
        (
            place.url("me:sentinel", "localhost", "?target=sentinel&sslmode=require"),
            &[],
            2,
            "error: cannot use the address of --postgres: the Postgres address has an unknown keyword `target`; correct its spelling, or leave it out\n",
        ),
        (
            place.url("customer", "localhost", &full),
            &[("PGPASSWORD", "sentinel too")],
            1,
            "SQLSTATE 28P01",
        ),
    ];
    for (address, environment, code, message) in bad {
        let output = place.stats(&address, environment);
        assert_eq!(output.status.code(), Some(code), "{address}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{address}: {}", stderr(&output));
        assert!(!stderr(&output).contains("sentinel"), "{address}: {}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn an_inbox_is_reached_through_a_pooler_again_and_again() {
    let left_out = "`ecp` through a pooler";
    let Some(place) = Place::new(left_out) else { return };
    let Some(pooler) = Pooler::start_or_skip(&place.server, 3, left_out) else { return };
    let address = pooler.before(&place.database);
    for _ in 0..4 {
        let output = place.stats(&address, &[]);
        assert!(output.status.success(), "{}", stderr(&output));
        let arguments = ["inbox", "list", "--postgres", &address];
        let output = ecp(place.folder.path(), &arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stdout(&output).contains("1236/P1"), "{}", stdout(&output));
    }
}
