//! The platform's side: posts callbacks until each is answered with 200, and writes down what came.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

/// Time for the callbacks of a round.
const STUCK: Duration = Duration::from_mins(2);

/// The longest wait for an answer. The platform's is not documented.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Sender<'a> {
    balancer: u16,
    bodies: &'a [String],
    waiting: Mutex<VecDeque<usize>>,
    /// Callbacks without an answer 200.
    open: AtomicUsize,
    is_stopped: AtomicBool,
    file: File,
    begun: Instant,
}

/// One attempt to send a callback: a line of the history. Times are from the beginning of the round.
pub(super) struct Tried {
    pub(super) callback: usize,
    pub(super) sent: Duration,
    pub(super) answered: Duration,
    /// 0 if there was no answer.
    pub(super) status: u16,
}

impl<'a> Sender<'a> {
    pub(super) fn new(balancer: u16, bodies: &'a [String], file: File) -> Self {
        Self {
            balancer,
            bodies,
            waiting: Mutex::new((0..bodies.len()).collect()),
            open: AtomicUsize::new(bodies.len()),
            is_stopped: AtomicBool::new(false),
            file,
            begun: Instant::now(),
        }
    }

    /// Time since the beginning of the round.
    pub(super) fn clock(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Sends callbacks, one after the other, until all are answered with 200. Several threads run
    /// this.
    pub(super) fn run(&self, mut rng: Rng) -> Result<(), String> {
        while self.open.load(Ordering::Relaxed) > 0 && !self.is_stopped.load(Ordering::Relaxed) {
            if self.clock() > STUCK {
                let open = self.open.load(Ordering::Relaxed);
                return Err(format!("{open} callbacks have no answer after {STUCK:?}"));
            }
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(callback) = next else {
                thread::sleep(Duration::from_millis(5));
                continue;
            };
            let sent = self.clock();
            let status = post(self.balancer, self.bodies[callback].as_bytes()).unwrap_or_default();
            let answered = self.clock();
            let line =
                format!("{callback} {} {} {status}\n", sent.as_micros(), answered.as_micros());
            (&self.file).write_all(line.as_bytes()).map_err(|error| error.to_string())?;
            if status == 200 {
                self.open.fetch_sub(1, Ordering::Relaxed);
            } else {
                self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(callback);
            }
            thread::sleep(Duration::from_millis(rng.u64(5..25)));
        }
        Ok(())
    }
}

/// Posts over a connection of its own. Returns the status of the answer.
fn post(port: u16, body: &[u8]) -> io::Result<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "POST /callbacks HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::other("no answer"))
}

/// Reads a history: a line an attempt, in the order of the answers.
pub(super) fn read(path: &Path) -> io::Result<Vec<Tried>> {
    let tried = |line: &str| {
        let mut numbers = line.split(' ').map_while(|number| number.parse::<u64>().ok());
        Some(Tried {
            callback: numbers.next()?.try_into().ok()?,
            sent: Duration::from_micros(numbers.next()?),
            answered: Duration::from_micros(numbers.next()?),
            status: numbers.next()?.try_into().ok()?,
        })
    };
    let history = fs::read_to_string(path)?;
    let all: Option<Vec<Tried>> = history.lines().map(tried).collect();
    all.ok_or_else(|| io::Error::other("the history cannot be read"))
}
