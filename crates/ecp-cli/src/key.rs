//! Sources of secret keys. Never an argument: arguments show in process lists and shell histories.
//!
//! One line break at the end of a variable or a file is ignored, because `echo` and editors add
//! one. Any other character at the edges is used, with a warning on standard error.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use ecp_core::signature::SigningKey;
use ecp_core::{SecretEdges, SecretKey, Sensitive};

use crate::usage::Usage;

/// Options that name environment variables and files with keys.
#[derive(Args)]
pub(crate) struct KeyOptions {
    /// Read a key from this environment variable; a line break at its end is ignored. May be
    /// repeated
    #[arg(long, value_name = "NAME")]
    key_env: Vec<String>,

    /// Read a key from this file; a line break at its end is ignored. May be repeated
    #[arg(long, value_name = "PATH")]
    key_file: Vec<PathBuf>,
}

/// A key, with the name of its variable or file for messages.
pub(crate) struct NamedKey {
    pub(crate) name: String,
    pub(crate) key: SigningKey,
    pub(crate) text: Sensitive<String>,
}

impl KeyOptions {
    /// Reads all keys: first from environment variables, then from files.
    pub(crate) fn load(&self) -> anyhow::Result<Vec<NamedKey>> {
        let from_environment = self
            .key_env
            .iter()
            .map(|name| named(name.clone(), from_environment(name, "--key-env")?));
        let from_files = self
            .key_file
            .iter()
            .map(|path| named(path.display().to_string(), from_file(path, "key")?));
        from_environment.chain(from_files).collect()
    }

    /// Reads the one key. Fails if none is given, or more than one.
    pub(crate) fn load_one(&self) -> anyhow::Result<NamedKey> {
        let mut keys = self.load()?;
        match (keys.pop(), keys.is_empty()) {
            (Some(key), true) => Ok(key),
            (None, _) => {
                Err(Usage("no key is given: add --key-env NAME or --key-file PATH").into())
            }
            _ => {
                Err(Usage("more than one key is given: keep one --key-env or one --key-file")
                    .into())
            }
        }
    }
}

/// Reads a key from an environment variable that `setting` names.
pub(crate) fn secret_from_environment(name: &str, setting: &str) -> anyhow::Result<SecretKey> {
    SecretKey::new(from_environment(name, setting)?)
        .with_context(|| format!("there is no key in the environment variable {name}"))
}

/// Reads a key from a file.
pub(crate) fn secret_from_file(path: &Path) -> anyhow::Result<SecretKey> {
    SecretKey::new(from_file(path, "key")?)
        .with_context(|| format!("there is no key in the file {}", path.display()))
}

fn from_file(path: &Path, what: &str) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| {
        if is_path(path) {
            format!("cannot read the {what} file {}", path.display())
        } else {
            format!(
                "cannot read the {what} file (its name is not shown, as it may be the {what} itself)"
            )
        }
    })?;
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        bail!(
            "the {what} file {} is UTF-16: save it as UTF-8, without a byte order mark",
            path.display()
        );
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        anyhow!("the {what} file {} is not UTF-8: save it as UTF-8", path.display())
    })?;
    Ok(as_meant(text, &path.display().to_string(), what))
}

/// Reads a key from an environment variable that `setting` names. No error contains its
/// value.
pub(crate) fn from_environment(name: &str, setting: &str) -> anyhow::Result<String> {
    from_variable(name, "key", setting)
}

/// Reads a token of the Data API from an environment variable that `setting` names. No error contains its
/// value.
pub(crate) fn token_from_environment(name: &str, setting: &str) -> anyhow::Result<String> {
    from_variable(name, "token", setting)
}

/// Reads a password from an environment variable that `setting` names. No error contains its
/// value.
pub(crate) fn password_from_environment(
    name: &str,
    setting: &str,
) -> anyhow::Result<Sensitive<String>> {
    from_variable(name, "password", setting).map(Sensitive::new)
}

/// Reads a password from a file.
pub(crate) fn password_from_file(path: &Path) -> anyhow::Result<Sensitive<String>> {
    from_file(path, "password").map(Sensitive::new)
}

fn from_variable(name: &str, what: &str, setting: &str) -> anyhow::Result<String> {
    let value = std::env::var_os(name).with_context(|| match shown(name) {
        Some(name) => format!("the environment variable {name} is missing: set it to the {what}"),
        None => format!(
            "cannot use {setting}: there is no environment variable of that name (not shown: it \
             may be the {what} \
             itself); give the name of a variable that holds the {what}"
        ),
    })?;
    let text = value.into_string();
    let text = text.map_err(|_| {
        anyhow!("the environment variable {name} is not UTF-8: set it to the {what} in UTF-8")
    })?;
    Ok(as_meant(text, name, what))
}

/// Whether the argument is a path and not the key, as in `--key-file "$KEY"`: the file exists, or
/// its folder does and is not the root. A `/` proves little: base64 has it, at its beginning too.
fn is_path(path: &Path) -> bool {
    let is_root = |folder: &Path| folder.parent().is_none();
    path.exists() || path.parent().is_some_and(|folder| !is_root(folder) && folder.is_dir())
}

/// The name, if it looks like one of a variable: in capitals, and with a `_` or short and without
/// digits. Any other may be the key itself by mistake, as in `--key-env "$KEY"`.
fn shown(name: &str) -> Option<&str> {
    let is_usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let is_name = name.len() <= 64
        && name.bytes().all(is_usual)
        && name.starts_with(|first: char| !first.is_ascii_digit());
    let is_word = name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_name && (is_word || name.contains('_'))).then_some(name)
}

/// Removes the line break that `echo` adds, and warns of other unusual characters at the edges.
fn as_meant(mut text: String, name: &str, what: &str) -> String {
    text.truncate(without_line_break(&text).len());
    if let Some(edges) = SecretEdges::of(&text) {
        note!(
            "WARNING: the {what} in {name} {edges}; these characters are used as part of the \
             {what}, so remove them unless they belong to it"
        );
    }
    text
}

/// Removes one line break at the end of a text.
pub(crate) fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn named(name: String, text: String) -> anyhow::Result<NamedKey> {
    let secret =
        SecretKey::new(text.as_str()).with_context(|| format!("there is no key in {name}"))?;
    Ok(NamedKey { name, key: SigningKey::new(&secret), text: Sensitive::new(text) })
}
