//! TLS to a real Postgres server that refuses connections without it.

#![cfg(all(feature = "postgres-tls", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::LazyLock;

use ecp_inbox::Inbox;
use ecp_inbox::conformance::Body;
use ecp_inbox::postgres::tokio_postgres::{self, NoTls};
use ecp_inbox::postgres::{AddressError, PostgresAddress, PostgresOptions};
use ecp_testkit::postgres::{Identity, Server};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A server whose certificate holds the names `localhost` and `127.0.0.1`.
struct Place {
    server: Server,
    folder: TempDir,
}

static PLACE: LazyLock<Option<Place>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority();
    let key = KeyPair::generate().unwrap();
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let identity = Identity { certificate: certificate.pem(), key: key.serialize_pem() };
    let server = Server::start_with_tls_or_skip(&identity, "the inbox's tests over TLS")?;
    std::fs::write(folder.path().join("right.pem"), authority.pem()).unwrap();
    std::fs::write(folder.path().join("wrong.pem"), self::authority().pem()).unwrap();
    std::fs::write(folder.path().join("empty.pem"), "nothing").unwrap();
    Some(Place { server, folder })
});

fn authority() -> Authority {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

impl Place {
    fn port(&self) -> u16 {
        self.server.port().unwrap()
    }

    fn pem(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn database(&self) -> (String, String) {
        let direct = self.server.database().unwrap();
        let name = direct.split(' ').find_map(|pair| pair.strip_prefix("dbname="));
        let name = name.unwrap().to_owned();
        (direct, name)
    }
}

/// Whether a callback gets there and comes back, otherwise the error with its causes.
async fn works(address: &str) -> Result<(), String> {
    let address: PostgresAddress =
        address.parse().map_err(|error: AddressError| format!("not an address: {error}"))?;
    let opened = PostgresOptions::new().connections(1).open_at(address).await;
    let inbox = opened.map_err(|error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    })?;
    inbox.accept(&Body::new("X1", 1, "success").verified()).await.unwrap();
    assert_eq!(inbox.stats().await.unwrap().payments, 1);
    Ok(())
}

#[tokio::test]
async fn each_mode_lets_in_what_it_says() {
    let Some(place) = &*PLACE else { return };
    let (_, name) = place.database();
    let (right, wrong) = (place.pem("right.pem"), place.pem("wrong.pem"));
    let (right, wrong) = (right.display(), wrong.display());
    let (empty, missing) = (place.pem("empty.pem"), place.pem("missing.pem"));
    let port = place.port();
    let url = |host: &str, words: &str| format!("postgres://postgres@{host}:{port}/{name}?{words}");
    let table = [
        (url("localhost", ""), Ok(())),
        (url("localhost", "sslmode=prefer"), Ok(())),
        (url("localhost", "sslmode=disable"), Err("SQLSTATE 28000")),
        (url("localhost", "sslmode=require"), Ok(())),
        (url("127.0.0.1", "sslmode=require"), Ok(())),
        (url("localhost", &format!("sslmode=require&sslrootcert={right}")), Ok(())),
        (
            url("localhost", &format!("sslmode=require&sslrootcert={wrong}")),
            Err("invalid peer certificate"),
        ),
        (
            url("localhost", &format!("sslmode=prefer&sslrootcert={wrong}")),
            Err("invalid peer certificate"),
        ),
        (url("localhost", &format!("sslmode=verify-ca&sslrootcert={right}")), Ok(())),
        (
            url("localhost", &format!("sslmode=verify-ca&sslrootcert={wrong}")),
            Err("invalid peer certificate"),
        ),
        (url("localhost", &format!("sslmode=verify-full&sslrootcert={right}")), Ok(())),
        (url("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={right}")), Ok(())),
        (url("localhost", &format!("sslrootcert={wrong}")), Err("invalid peer certificate")),
        (
            url("localhost", &format!("sslmode=verify-full&sslrootcert={wrong}")),
            Err("invalid peer certificate"),
        ),
        // The machine does not trust an authority that was made a moment ago.
        (url("localhost", "sslmode=verify-full"), Err("invalid peer certificate")),
        (url("localhost", "sslrootcert=system"), Err("invalid peer certificate")),
        (
            url("localhost", &format!("sslmode=verify-ca&sslrootcert={}", missing.display())),
            Err("missing.pem: No such file"),
        ),
        (
            url("localhost", &format!("sslmode=verify-ca&sslrootcert={}", empty.display())),
            Err("empty.pem: it holds no certificate"),
        ),
        // It is bound to the proof of a password, and the server asks for none.
        (url("localhost", "sslmode=require&channel_binding=require"), Err("channel binding")),
        // The other forms of the same.
        (
            format!(
                "host=localhost port={port} user=postgres dbname={name} sslmode=verify-full \
                 sslrootcert='{right}'"
            ),
            Ok(()),
        ),
        (
            format!(
                "postgresql:///{name}?host=localhost&port={port}&user=postgres&sslmode=require"
            ),
            Ok(()),
        ),
        (
            format!(
                "hostaddr=127.0.0.1 port={port} user=postgres dbname={name} sslrootcert={right}"
            ),
            Ok(()),
        ),
    ];
    for (address, expected) in table {
        let found = works(&address).await;
        match expected {
            Ok(()) => assert_eq!(found, Ok(()), "{address}"),
            Err(text) => assert!(
                found.as_ref().is_err_and(|error| error.contains(text)),
                "{address}: {found:?}"
            ),
        }
    }
}

#[tokio::test]
async fn a_name_that_the_certificate_does_not_hold_is_refused_where_names_count() {
    let Some(place) = &*PLACE else { return };
    let (_, name) = place.database();
    let right = place.pem("right.pem");
    // The connection goes to the address, the certificate is held against the host.
    let address = |mode: &str| {
        format!(
            "host=db.other.example hostaddr=127.0.0.1 port={} user=postgres dbname={name} \
             sslmode={mode} sslrootcert={}",
            place.port(),
            right.display()
        )
    };
    assert_eq!(works(&address("require")).await, Ok(()));
    assert_eq!(works(&address("verify-ca")).await, Ok(()));
    let error = works(&address("verify-full")).await.unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn passwords_come_encoded_and_sockets_without_tls() {
    let Some(place) = &*PLACE else { return };
    let (direct, name) = place.database();
    let (client, connection) = tokio_postgres::connect(&direct, NoTls).await.unwrap();
    tokio::spawn(connection);
    let role = "CREATE ROLE customer LOGIN SUPERUSER PASSWORD 'p@ss/w?rd:% ''\\'";
    client.batch_execute(role).await.unwrap();
    let encoded = "p%40ss%2Fw%3Frd%3A%25%20'%5C";
    let port = place.port();
    let url = |password: &str, words: &str| {
        format!("postgres://customer:{password}@localhost:{port}/{name}?sslmode=require{words}")
    };
    assert_eq!(works(&url(encoded, "")).await, Ok(()));
    // The proof of the password is bound to the certificate.
    assert_eq!(works(&url(encoded, "&channel_binding=require")).await, Ok(()));
    assert!(works(&url("wrong", "")).await.unwrap_err().contains("28P01"));
    let pairs = format!(
        r"host=localhost port={port} user=customer dbname={name} sslmode=require
          password='p@ss/w?rd:% \'\\'"
    );
    assert_eq!(works(&pairs).await, Ok(()));
    let without: PostgresAddress =
        url(encoded, "").replace(&format!(":{encoded}"), "").parse().unwrap();
    assert!(!without.has_password());
    let given = without.password(r"p@ss/w?rd:% '\");
    PostgresOptions::new().open_at(given).await.unwrap();

    // As in libpq, `sslmode` does not count for a socket.
    assert_eq!(works(&format!("{direct} sslmode=verify-full")).await, Ok(()));
    let folder = direct.split(' ').find_map(|pair| pair.strip_prefix("host=")).unwrap();
    let folder = folder.replace('/', "%2F");
    let url = format!("postgres://postgres@{folder}:{port}/{name}?sslmode=require");
    assert_eq!(works(&url).await, Ok(()));
}

#[tokio::test]
async fn an_address_of_the_sixth_version_is_read_in_brackets() {
    let Some(place) = &*PLACE else { return };
    let (_, name) = place.database();
    let address = format!("postgres://postgres@[::1]:{}/{name}?sslmode=require", place.port());
    address.parse::<PostgresAddress>().unwrap();
    if TcpListener::bind("[::1]:0").is_ok() {
        assert_eq!(works(&address).await, Ok(()));
    }
}

#[test]
fn words_that_are_not_known_are_named_without_the_rest() {
    let url = "postgres://shop:sentinel@db.example/shop";
    let table = [
        (
            format!("{url}?sslmode=verify-full&pgbouncer=true"),
            "the Postgres address has an unknown keyword `pgbouncer`; correct its spelling, or leave it out",
        ),
        (
            format!("{url}?sslcert=sentinel.pem"),
            "the Postgres keyword `sslcert` is known to libpq and not taken here; leave it out: clients log in with a password",
        ),
        (
            format!("{url}?gssencmode=disable"),
            "the Postgres keyword `gssencmode` is known to libpq and not taken here; leave it out: Kerberos is not used",
        ),
        (
            "host=db.example service=sentinel".to_owned(),
            "the Postgres keyword `service` is known to libpq and not taken here; write the values of the service into",
        ),
        (
            "host=db.example password=my service=sentinel".to_owned(),
            "the Postgres address cannot be read",
        ),
        (
            format!("{url}?sslmode=require&sslmode=disable"),
            "the Postgres address gives `sslmode` twice; leave one of them out",
        ),
        (
            format!("{url}?sslrootcert="),
            "the value of the Postgres keyword `sslrootcert` must be the path",
        ),
        (
            format!("{url}?sslmode=verify-ca"),
            "the value of the Postgres keyword `sslrootcert` must be a file",
        ),
        (
            format!("{url}?sslmode=require&sslrootcert=system"),
            "the value of the Postgres keyword `sslmode` must be `verify-full`",
        ),
        (
            format!("{url}?channel_binding=sentinel"),
            "the value of the Postgres keyword `channel_binding` must be `disable`, `prefer` or",
        ),
        (
            format!("{url}?port=sentinel"),
            "the value of the Postgres keyword `port` must be a number from 1 to 65535",
        ),
        (
            format!("{url}?target_session_attrs=sentinel"),
            "the value of the Postgres keyword `target_session_attrs` must be `any`, `read-write`",
        ),
        (
            "host=db.example tcp_user_timeout=sentinel".to_owned(),
            "the value of the Postgres keyword `tcp_user_timeout` must be a number of milliseconds",
        ),
        (format!("{url}?sslmode"), "the Postgres address cannot be read: expected `postgres://"),
        (
            "postgres://shop:sentinel?sentinel2=1@db.example/shop".to_owned(),
            "the Postgres address cannot be read",
        ),
        (
            "postgres://shop:sentinel/sentinel2=1@db.example/shop".to_owned(),
            "the Postgres address cannot be read",
        ),
        (
            "postgres://shop:x@sentinel?sentinel2=1@db.example/shop".to_owned(),
            "the Postgres address cannot be read",
        ),
        (
            "host=db.example password=my sentinel2=1".to_owned(),
            "the Postgres address cannot be read",
        ),
        (
            "host=db.example sslmode=require shopname=sentinel".to_owned(),
            "the Postgres address has an unknown keyword `shopname`; correct its spelling, or leave it out",
        ),
        ("host=db.example user='sentinel".to_owned(), "the Postgres address cannot be read"),
        ("mysql://sentinel@db.example/shop".to_owned(), "the Postgres address cannot be read"),
        ("postgres:///shop".to_owned(), "the Postgres address has no `host`"),
        ("user=sentinel".to_owned(), "the Postgres address has no `host`"),
        (String::new(), "the Postgres address has no `host`"),
    ];
    let modes = ["", "allow", "sentinel"].map(|mode| {
        let expected = "the value of the Postgres keyword `sslmode` must be `disable`, `prefer`";
        (format!("{url}?sslmode={mode}"), expected)
    });
    for (address, expected) in table.into_iter().chain(modes) {
        let error = address.parse::<PostgresAddress>().unwrap_err();
        assert!(error.to_string().starts_with(expected), "{address}: {error}");
        assert!(!format!("{error} {error:?}").contains("sentinel"), "{address}: {error}");
    }
    let known = format!("{url}?sslmode=verify-full").parse::<PostgresAddress>().unwrap();
    assert!(known.has_password());
    assert!(!format!("{known:?}").contains("sentinel"));
}

#[test]
fn what_the_address_says_counts_before_defaults() {
    let weak = [("sslmode", "disable"), ("channel_binding", "disable")];
    let strong = [("sslmode", "verify-full"), ("channel_binding", "require")];
    let shown = |text: &str, defaults: &[(&str, &str)]| {
        format!("{:?}", PostgresAddress::parse(text, defaults).unwrap())
    };
    for text in ["postgres://u@h/d", "postgres://u@h/d?connect_timeout=3", "host=h user=u"] {
        assert!(shown(text, &weak).contains("mode: Disable"), "{text}");
        assert!(shown(text, &strong).contains("check: AuthorityAndName"), "{text}");
    }
    for text in
        ["postgres://u@h/d?sslmode=require&channel_binding=prefer", "host=h sslmode=require"]
    {
        assert!(shown(text, &weak).contains("mode: Require"), "{text}");
    }
    let unknown = PostgresAddress::parse("host=h", &[("sslnope", "1")]).unwrap_err();
    assert_eq!(unknown, AddressError::Unknown("sslnope".to_owned()));
}
