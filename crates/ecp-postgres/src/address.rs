//! Addresses of databases, in the syntax of libpq.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::tls::{Check, Roots, Tls};

/// Address of a Postgres database, with the protection of connections: a URL such as
/// `postgres://shop@db.internal/shop?sslmode=verify-full`, or `key=value` pairs, as `psql` takes
/// them.
///
/// | `sslmode` | encrypted | the server's certificate |
/// |---|---|---|
/// | `disable` | no | |
/// | `prefer` | if the server can | as with `require` |
/// | `require` | yes | is checked against `sslrootcert` if that is given, otherwise not |
/// | `verify-ca` | yes | is signed by an authority in `sslrootcert` |
/// | `verify-full` | yes | is signed by an authority that is trusted, and holds the host's name |
///
/// `sslrootcert` is a file of certificates in PEM, or `system`: the authorities that the machine
/// trusts, the default of `verify-full` and allowed in no other mode. The host's name is compared
/// with the certificate's alternative names only. Without `sslmode`, the mode is `verify-full` if
/// `sslrootcert` is given, and otherwise `prefer`, as in libpq. **Only `verify-full` protects from
/// an attacker who can change data in transit.** A connection to a Unix socket (its path is the
/// host) is never encrypted.
///
/// Libpq's other keywords are accepted if the driver [knows](Config) them, among them
/// `channel_binding`, with libpq's units: `tcp_user_timeout` counts milliseconds. Environment
/// variables and files in the user's home folder are not read.
///
/// ```
/// use ecp_postgres::PostgresAddress;
///
/// let address: PostgresAddress =
///     "postgres://shop@db.internal/shop?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem".parse()?;
/// # Ok::<(), ecp_postgres::AddressError>(())
/// ```
#[derive(Clone)]
pub struct PostgresAddress {
    config: Config,
    tls: Tls,
}

/// Why the text of a Postgres address cannot be used. The error quotes no values of the address,
/// such as a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The address cannot be parsed as a URL or as `key=value` pairs. Or it has a keyword that is
    /// not accepted, which the error does not name because the word could be a part of a password.
    #[error(
        "the Postgres address cannot be read: expected \
         `postgres://user@host/database?sslmode=verify-full` or `host=.. user=.. \
         dbname=.. sslmode=verify-full`; in the first form, write special characters of names and \
         values as `%40` and the like, in the second put values with spaces in single quotes"
    )]
    Form,
    /// The address has this keyword, which is unknown, for example because it is misspelt.
    #[error(
        "the Postgres address has an unknown keyword `{0}`; correct its spelling, or leave it out"
    )]
    Unknown(String),
    /// The address has a keyword that Postgres's own clients (libpq) know and this library does not
    /// accept.
    #[error("the Postgres keyword `{word}` is known to libpq and not taken here; {instead}")]
    Unsupported {
        /// The keyword that is not accepted, such as `sslcert`.
        word: &'static str,
        /// What to do instead, such as ``write `application_name` ``.
        instead: &'static str,
    },
    /// The address has this keyword twice. Leave one of them out.
    #[error("the Postgres address gives `{0}` twice; leave one of them out")]
    Twice(&'static str),
    /// The value of a keyword cannot be used, such as `port=db`.
    #[error("the value of the Postgres keyword `{word}` must be {expected}")]
    Value {
        /// The keyword whose value cannot be used.
        word: Cow<'static, str>,
        /// Description of the allowed values, such as `a number of milliseconds`.
        expected: &'static str,
    },
    /// The address has no `host`: name a host, or the folder of the server's Unix socket.
    #[error(
        "the Postgres address has no `host`: name a host, or the folder of the server's socket"
    )]
    NoHost,
}

const SSL_MODE: &str = "sslmode";
const SSL_ROOT_CERT: &str = "sslrootcert";
const USER_TIMEOUT: &str = "tcp_user_timeout";
const KEEPALIVES_COUNT: &str = "keepalives_count";
const KEEPALIVES_RETRIES: &str = "keepalives_retries";

/// Keywords of libpq that neither this nor the driver takes, and what to do instead.
const LIBPQS: &[(&str, &[&str])] = &[
    (
        "leave it out: clients log in with a password here, and a service can give \
         `rustls::ClientConfig` with a certificate to the options of its store",
        &["sslcert", "sslcertmode", "sslkey", "sslpassword"],
    ),
    ("leave it out: lists of revoked certificates are not read", &["sslcrl", "sslcrldir"]),
    (
        "leave it out: TLS has version 1.2 or 1.3, names the host and is not compressed",
        &["ssl_max_protocol_version", "ssl_min_protocol_version", "sslcompression", "sslsni"],
    ),
    (
        "leave it out: Kerberos is not used",
        &["gssdelegation", "gssencmode", "gsslib", "krbsrvname"],
    ),
    (
        "leave it out, and give the password in the address or, to a command, in the environment \
         variable PGPASSWORD",
        &["passfile", "scram_client_key", "scram_server_key"],
    ),
    ("write the values of the service into the address", &["service", "servicefile"]),
    (
        "leave it out: `channel_binding=require` and `sslmode=verify-full` prove who the server is",
        &["require_auth", "requirepeer"],
    ),
    ("leave it out: the encoding is UTF-8", &["client_encoding"]),
    ("write `application_name`", &["fallback_application_name"]),
    ("leave it out: connections are for statements", &["replication"]),
    ("leave it out", &["max_protocol_version", "min_protocol_version", "sslkeylogfile"]),
];

/// Other keywords of the driver.
const DRIVERS: [&str; 17] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    KEEPALIVES_RETRIES,
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "user",
];

impl PostgresAddress {
    /// Parses an address: a URL or `key=value` pairs. A keyword that the address lacks is taken
    /// from `defaults`, pairs of a keyword and a value: for example `sslmode` with the value of the
    /// environment variable `PGSSLMODE`. An unknown keyword, or a value that cannot be used, is an
    /// error.
    pub fn parse(text: &str, defaults: &[(&str, &str)]) -> Result<Self, AddressError> {
        let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        let mut words = if is_url { Words::of_url(text)? } else { Words::of_pairs(text)? };
        for (word, value) in defaults {
            if words.take(word, value, true, false)? {
                words.add(word, value, is_url);
            }
        }
        let mut config: Config = words.rest.parse().map_err(|error| driver_error(&error))?;
        if let Some(millis) = whole(USER_TIMEOUT, "a number of milliseconds", words.user_timeout)? {
            config.tcp_user_timeout(Duration::from_millis(millis.into()));
        }
        if let Some(count) = whole(KEEPALIVES_COUNT, "a number", words.keepalives_count)? {
            config.keepalives_retries(count);
        }
        let tls = tls(words.mode.as_deref(), words.roots.as_deref())?;
        if config.get_hosts().is_empty() {
            // TLS needs a server name, and an IP address is a valid one.
            let addresses = config.get_hostaddrs().to_vec();
            for address in &addresses {
                config.host(address.to_string());
            }
            if addresses.is_empty() {
                return Err(AddressError::NoHost);
            }
        }
        config.ssl_mode(if only_sockets(&config) { SslMode::Disable } else { tls.mode });
        Ok(Self { config, tls })
    }

    /// Returns the driver's configuration, and the settings of TLS; with `None`, no connection is
    /// encrypted. This reads the file that `sslrootcert` names, and fails if it cannot. The file is
    /// not read again: a new one counts after a restart.
    pub fn into_parts(
        self,
    ) -> Result<(Config, Option<rustls::ClientConfig>), Box<dyn std::error::Error + Send + Sync>>
    {
        let client = self.tls.client(self.config.get_ssl_negotiation())?;
        Ok((self.config, client))
    }

    /// Whether the address holds a password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// Sets the password with which to log in to the database, instead of the password in the
    /// address.
    pub fn password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.config.password(password);
        self
    }
}

impl FromStr for PostgresAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text, &[])
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresAddress").field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// Reads a number of the address; 0 is libpq's word for the default.
fn whole(
    word: &'static str,
    expected: &'static str,
    value: Option<String>,
) -> Result<Option<u32>, AddressError> {
    let number = value.map(|value| value.parse::<u32>()).transpose();
    let number = number.map_err(|_| AddressError::Value { word: word.into(), expected })?;
    Ok(number.filter(|number| *number > 0))
}

fn only_sockets(config: &Config) -> bool {
    #[cfg(unix)]
    let socket = |host: &_| matches!(host, tokio_postgres::config::Host::Unix(_));
    #[cfg(not(unix))]
    let socket = |_: &_| false;
    config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(socket)
}

fn tls(mode: Option<&str>, roots: Option<&str>) -> Result<Tls, AddressError> {
    let expected =
        |word, expected| Err(AddressError::Value { word: Cow::Borrowed(word), expected });
    let roots = match roots {
        None => None,
        Some("system") => Some(Roots::System),
        Some("") => return expected(SSL_ROOT_CERT, "the path of a file, or `system`"),
        Some(path) => Some(Roots::File(PathBuf::from(path))),
    };
    let mode = mode.unwrap_or(if roots.is_some() { "verify-full" } else { "prefer" });
    let (mode, check) = match (mode, &roots) {
        ("verify-full", _) => (SslMode::Require, Check::AuthorityAndName),
        ("disable" | "prefer" | "require" | "verify-ca", Some(Roots::System)) => {
            return expected(SSL_MODE, "`verify-full`, as `sslrootcert` is `system`");
        }
        ("disable", _) => (SslMode::Disable, Check::Nothing),
        ("prefer", None) => (SslMode::Prefer, Check::Nothing),
        ("prefer", Some(_)) => (SslMode::Prefer, Check::Authority),
        ("require", None) => (SslMode::Require, Check::Nothing),
        ("require" | "verify-ca", Some(_)) => (SslMode::Require, Check::Authority),
        ("verify-ca", None) => {
            return expected(
                SSL_ROOT_CERT,
                "a file with the authority, as `sslmode` is `verify-ca`",
            );
        }
        _ => {
            let modes = "`disable`, `prefer`, `require`, `verify-ca` or `verify-full`";
            return expected(SSL_MODE, modes);
        }
    };
    Ok(Tls { mode, check, roots: roots.unwrap_or(Roots::System) })
}

/// The driver's error names the keyword, and may quote more than that.
fn driver_error(error: &tokio_postgres::Error) -> AddressError {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let word =
        cause.strip_prefix("invalid value for option `").and_then(|rest| rest.split_once('`'));
    match word {
        Some((word, _)) if DRIVERS.contains(&word) => {
            AddressError::Value { word: word.to_owned().into(), expected: drivers_values(word) }
        }
        _ => AddressError::Form,
    }
}

/// The values of a keyword that the driver accepts.
fn drivers_values(word: &str) -> &'static str {
    match word {
        "channel_binding" => "`disable`, `prefer` or `require`",
        "connect_timeout" | "keepalives_idle" | "keepalives_interval" => "a number of seconds",
        "hostaddr" => "an IP address, or several with commas between them",
        "keepalives" => "`0` or `1`",
        KEEPALIVES_RETRIES => "a number",
        "load_balance_hosts" => "`disable` or `random`",
        "port" => "a number from 1 to 65535, or one for each host with commas between them",
        "sslnegotiation" => "`postgres` or `direct`",
        "target_session_attrs" => "`any`, `read-write` or `read-only`",
        _ => "a value that libpq accepts",
    }
}

/// A parsed address: the keywords used here, and those for the driver.
#[derive(Default)]
struct Words {
    mode: Option<String>,
    roots: Option<String>,
    /// Milliseconds, as libpq counts; the driver counts seconds.
    user_timeout: Option<String>,
    /// The value of libpq's keyword `keepalives_count`, which the driver calls
    /// `keepalives_retries`.
    keepalives_count: Option<String>,
    /// Names of the keywords so far that are passed on to the driver.
    driver: Vec<String>,
    rest: String,
}

impl Words {
    fn of_url(text: &str) -> Result<Self, AddressError> {
        let form = || AddressError::Form;
        let after_scheme = text.find("://").ok_or_else(form)? + 3;
        // The driver treats everything before the first `@` as the user and the password.
        let after_user = match text[after_scheme..].split_once('@') {
            None => after_scheme,
            Some((user, _)) if user.contains(['/', '?', '#']) => return Err(form()),
            Some((user, _)) => after_scheme + user.len() + 1,
        };
        let (_, query) = text[after_user..].split_once('?').unwrap_or_default();
        let mut words = Self::default();
        // Otherwise a part of a password could be mistaken for a keyword.
        if query.contains(['@', '?', '#']) {
            return Err(form());
        }
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (word, value) = pair.split_once('=').ok_or_else(form)?;
            let (word, value) = (decoded(word)?, decoded(value)?);
            if words.take(&word, &value, true, true)? {
                kept.push(pair);
            }
        }
        let base = text[after_user..].split_once('?').map_or(&text[after_user..], |(base, _)| base);
        words.rest = format!("{}{base}", &text[..after_user]);
        if !kept.is_empty() {
            words.rest = format!("{}?{}", words.rest, kept.join("&"));
        }
        Ok(words)
    }

    fn of_pairs(text: &str) -> Result<Self, AddressError> {
        let form = || AddressError::Form;
        let mut words = Self::default();
        let mut left = text.trim_start();
        while !left.is_empty() {
            let (word, value) = left.split_once('=').ok_or_else(form)?;
            let word = word.trim_end();
            let value = value.trim_start();
            if word.is_empty() || word.contains(char::is_whitespace) {
                return Err(form());
            }
            let (decoded, length) = pair_value(value).ok_or_else(form)?;
            // The rest of a password that was not quoted could be mistaken for a keyword.
            let nameable = !words.driver.iter().any(|word| word == "password");
            if words.take(word, &decoded, nameable, true)? {
                words.rest = format!("{}{word}={} ", words.rest, &value[..length]);
            }
            left = value[length..].trim_start();
        }
        Ok(words)
    }

    /// Takes a keyword, a default only if it is not set yet. Returns whether it is for the driver.
    fn take(
        &mut self,
        word: &str,
        value: &str,
        nameable: bool,
        given: bool,
    ) -> Result<bool, AddressError> {
        let own = match word {
            SSL_MODE => Some((SSL_MODE, &mut self.mode)),
            SSL_ROOT_CERT => Some((SSL_ROOT_CERT, &mut self.roots)),
            USER_TIMEOUT => Some((USER_TIMEOUT, &mut self.user_timeout)),
            KEEPALIVES_COUNT => Some((KEEPALIVES_COUNT, &mut self.keepalives_count)),
            _ => None,
        };
        if let Some((word, own)) = own {
            if own.is_some() && given {
                return Err(AddressError::Twice(word));
            }
            own.get_or_insert_with(|| value.to_owned());
            return Ok(false);
        }
        if DRIVERS.contains(&word) {
            let wanted = given || !self.driver.iter().any(|known| known == word);
            self.driver.push(word.to_owned());
            return Ok(wanted);
        }
        let of_libpq = LIBPQS.iter().find_map(|(instead, words)| {
            words.iter().find(|known| **known == word).map(|word| (*word, *instead))
        });
        if let Some((word, instead)) = of_libpq.filter(|_| nameable) {
            return Err(AddressError::Unsupported { word, instead });
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let nameable =
            nameable && !word.is_empty() && word.len() <= 40 && word.chars().all(is_word);
        Err(if nameable { AddressError::Unknown(word.to_owned()) } else { AddressError::Form })
    }

    fn add(&mut self, word: &str, value: &str, is_url: bool) {
        if is_url {
            let separator = if self.rest.contains('?') { '&' } else { '?' };
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            self.rest = format!("{}{separator}{word}={value}", self.rest);
        } else {
            let value = value.replace('\\', r"\\").replace('\'', r"\'");
            self.rest = format!("{} {word}='{value}'", self.rest);
        }
    }
}

/// The value at the beginning of a text, and its length in bytes.
fn pair_value(text: &str) -> Option<(String, usize)> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.push(characters.next()?.1),
            '\'' if quoted => return Some((value, at + 1)),
            blank if !quoted && blank.is_whitespace() => return Some((value, at)),
            other => value.push(other),
        }
    }
    (!quoted && !value.is_empty()).then_some((value, text.len()))
}

fn decoded(text: &str) -> Result<Cow<'_, str>, AddressError> {
    percent_decode_str(text).decode_utf8().map_err(|_| AddressError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of libpq's documentation, section "Parameter Key Words".
    #[test]
    fn keywords_have_the_names_and_units_of_libpq() {
        for text in [
            "host=db tcp_user_timeout=90000 keepalives_count=9 keepalives_idle=60",
            "postgres://db/?tcp_user_timeout=90000&keepalives_count=9&keepalives_idle=60",
        ] {
            let address: PostgresAddress = text.parse().expect("libpq accepts it");
            let config = &address.config;
            assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(90)), "{text}");
            assert_eq!(config.get_keepalives_retries(), Some(9), "{text}");
            assert_eq!(config.get_keepalives_idle(), Duration::from_mins(1), "{text}");
        }
        let text = "host=db tcp_user_timeout=0 keepalives_count=0";
        let address: PostgresAddress = text.parse().expect("0 is libpq's default");
        assert_eq!(address.config.get_tcp_user_timeout(), None);
        assert_eq!(address.config.get_keepalives_retries(), None);
    }
}
