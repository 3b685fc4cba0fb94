//! Where a secret key comes from. Never from an argument: those show in process lists and shell
//! histories.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use ecp_core::SecretKey;
use ecp_core::signature::SigningKey;

use crate::Usage;

/// Options that name keys.
#[derive(Args)]
pub(crate) struct KeyOptions {
    /// Take a key from an environment variable of that name
    #[arg(long, value_name = "NAME")]
    key_env: Vec<String>,

    /// Take a key from a file; a line break at its end does not count
    #[arg(long, value_name = "PATH")]
    key_file: Vec<PathBuf>,
}

/// A key and what to call it in the output.
pub(crate) struct NamedKey {
    pub(crate) name: String,
    pub(crate) key: SigningKey,
}

impl KeyOptions {
    /// All keys, those of the environment first.
    pub(crate) fn load(&self) -> anyhow::Result<Vec<NamedKey>> {
        let from_environment =
            self.key_env.iter().map(|name| named(name.clone(), from_environment(name)?));
        let from_files =
            self.key_file.iter().map(|path| named(path.display().to_string(), from_file(path)?));
        from_environment.chain(from_files).collect()
    }

    /// Exactly one key.
    pub(crate) fn load_one(&self) -> anyhow::Result<NamedKey> {
        let mut keys = self.load()?;
        match (keys.pop(), keys.is_empty()) {
            (Some(key), true) => Ok(key),
            (None, _) => Err(Usage("name the key: --key-env NAME or --key-file PATH").into()),
            _ => Err(Usage("name one key only").into()),
        }
    }
}

/// The key in a variable.
pub(crate) fn secret_from_environment(name: &str) -> anyhow::Result<SecretKey> {
    SecretKey::new(from_environment(name)?).with_context(|| format!("no key in {name}"))
}

/// The key in a file.
pub(crate) fn secret_from_file(path: &Path) -> anyhow::Result<SecretKey> {
    SecretKey::new(from_file(path)?).with_context(|| format!("no key in {}", path.display()))
}

fn from_file(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the key file {}", path.display()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// The text of a variable. Its value stands in no error.
pub(crate) fn from_environment(name: &str) -> anyhow::Result<String> {
    let value = std::env::var_os(name)
        .with_context(|| format!("set the environment variable {name} to the key"))?;
    value.into_string().map_err(|_| anyhow!("the environment variable {name} is not UTF-8"))
}

fn named(name: String, text: String) -> anyhow::Result<NamedKey> {
    let secret = SecretKey::new(text).with_context(|| format!("no key in {name}"))?;
    Ok(NamedKey { name, key: SigningKey::new(&secret) })
}
