//! Durable accepts of the stores of `ecp-inbox`, beside floors with the same durability.
//!
//! Each inbox is measured with two floors. The plain floor is one table with two indexes: what must
//! at least be written. The other floor is the inbox's own tables, written in batches by hand
//! without asking what they hold. Turns follow each other (before, inbox, floors), so that a spell
//! of the machine hits all of them; the printed ratios are medians of the ratios within a turn.
//!
//! With `--before PATH`, this same program built from an earlier commit takes its turns too. With
//! `--fill N`, each inbox holds so many callbacks before its first turn, and is measured beside an
//! empty one. `--pgmq SCRIPT` installs the SQL script of pgmq and measures its `send`, the way a
//! user would call it, over as many connections. `--peer PATH` names a program that stores the same
//! bodies by other means, such as that of `benches/peers`, which pushes them as tasks of apalis. With
//! `--standby yes`, the server has a standby on the same machine, and the inbox takes another turn
//! in which commits wait for that.
//!
//! With `--only-store stream`, the store is a stream on three NATS servers, by default and with
//! `sync_interval: always`. It ends with a loss of power of all servers, for which it needs root and
//! `mkfs.ext4`.

mod fill;
mod floors;
mod stream;
mod turns;

use std::path::PathBuf;
use std::time::Duration;

pub use self::turns::run;

/// What to measure, from the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// Duration of one turn of one store.
    pub time: Duration,
    /// Number of turns.
    pub turns: usize,
    /// Number of callers at once.
    pub senders: usize,
    /// Number of callbacks that each inbox holds before its first turn.
    pub fill: u64,
    /// This program, built from an earlier commit.
    pub before: Option<PathBuf>,
    /// The SQL script of pgmq.
    pub pgmq: Option<PathBuf>,
    /// A program such as `benches/peers`, which stores the same bodies by other means.
    pub peer: Option<PathBuf>,
    /// Whether the Postgres server has a standby.
    pub standby: bool,
    /// The only store to measure.
    pub only: Option<String>,
    /// Measures the only store once for each line of the input, and prints bare figures.
    pub is_machine: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(5),
            turns: 3,
            senders: 64,
            fill: 0,
            before: None,
            pgmq: None,
            peer: None,
            standby: false,
            only: None,
            is_machine: false,
        }
    }
}

impl Options {
    /// Reads the arguments of the command.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(name) = arguments.next() {
            if name == "--machine-readable" {
                options.is_machine = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || value.parse::<u32>().map_err(|_| format!("{name} {value}: no number"));
            match name.as_str() {
                "--seconds" => options.time = Duration::from_secs(number()?.into()),
                "--turns" => options.turns = number()? as usize,
                "--senders" => options.senders = number()? as usize,
                "--fill" => options.fill = number()?.into(),
                "--before" => options.before = Some(value.into()),
                "--pgmq" => options.pgmq = Some(value.into()),
                "--peer" => options.peer = Some(value.into()),
                "--standby" => options.standby = value == "yes",
                "--only-store" => options.only = Some(value),
                _ => return Err(format!("unknown argument {name}")),
            }
        }
        Ok(options)
    }
}
