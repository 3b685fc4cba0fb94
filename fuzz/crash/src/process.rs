//! The child process, from its parent's side.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Time limit for any answer of a child.
const PATIENCE: Duration = Duration::from_mins(1);

/// A child process that is told commands, a line each.
#[derive(Debug)]
pub struct Process {
    child: Child,
    commands: ChildStdin,
    said: Receiver<String>,
    /// Lines that came while waiting for others.
    aside: VecDeque<String>,
}

impl Process {
    /// Starts a child.
    pub fn start(program: &Path, arguments: &[String]) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg("child")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
        let (tell, said) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, commands, said, aside: VecDeque::new() })
    }

    /// Sends a command.
    pub fn say(&mut self, command: &str) -> io::Result<()> {
        writeln!(self.commands, "{command}")
    }

    /// The child's next line; `None` if there is none in that time, or the child has ended.
    pub fn hear(&mut self, at_most: Duration) -> Option<String> {
        self.aside.pop_front().or_else(|| self.next(at_most))
    }

    fn next(&self, at_most: Duration) -> Option<String> {
        match self.said.recv_timeout(at_most) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(at_most);
                None
            }
        }
    }

    /// Sends a command, and collects lines until `end`.
    pub fn ask(&mut self, command: &str) -> Result<Vec<String>, String> {
        self.say(command).map_err(|error| error.to_string())?;
        let word = command.split(' ').next().unwrap_or_default();
        let patience = Instant::now() + PATIENCE;
        let mut answer = Vec::new();
        while Instant::now() < patience {
            let Some(line) = self.next(Duration::from_millis(100)) else { continue };
            match line.strip_prefix(word) {
                Some(rest) => answer.push(rest.trim_start().to_owned()),
                None if line == "end" => return Ok(answer),
                None => self.aside.push_back(line),
            }
        }
        Err(format!("no answer to {command:?}"))
    }

    /// Waits until the child answers to `hello`.
    pub fn wait_until_ready(&mut self) -> Result<(), String> {
        self.ask("hello").map(drop)
    }

    /// Sends SIGKILL, and returns all lines from before.
    pub fn kill(mut self) -> Vec<String> {
        self.end();
        std::mem::take(&mut self.aside).into_iter().chain(self.said.iter()).collect()
    }

    fn end(&mut self) {
        // An error means that it has ended by itself, which the next rounds will detect.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run that fails leaves no child.
impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
