//! `ecp sandbox`

mod client;
mod control;
mod file;
mod line;

use std::fmt::Arguments;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use ecp_core::{ProjectId, Sensitive, Timestamp};
use ecp_methods::Registry;
use ecp_sandbox::{Config, Fault, FaultRule, Filter, Paging, Sandbox};
use tokio::net::TcpListener;

use self::control::Control;
use self::file::{ClockKind, File, Shop};
use self::line::Line;
use crate::address::{self, Target, TargetParser};
use crate::nearest::did_you_mean;
use crate::next::{next, some_method};
use crate::output::{is_dash, is_json};
use crate::profile::is_default_address;
use crate::signals::Signals;

/// Run the platform on this machine until Ctrl-C
///
/// It answers Gate and the Data API, shows the Payment Page, the provider's pages and the
/// Dashboard, and sends signed callbacks. Every event is printed. The commands below it are for a
/// sandbox that runs.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  ecp sandbox\n  ecp sandbox --callback-url http://127.0.0.1:3000/callbacks\n  ecp sandbox --config sandbox.toml --clock virtual\n  ecp sandbox --state sandbox.db\n  ecp sandbox --fault wrong_signature --fault '{\"fault\": \"drop_answer\", \"registered\": true, \"percent\": 10}'\n  ecp sandbox tail\n\nPoint your client at the printed address, with the printed project and key:\n  Gate::new(project, &key, transport).base_url(\"http://127.0.0.1:8080\")?"
)]
pub(crate) struct SandboxCommand {
    #[command(subcommand)]
    control: Option<Control>,

    /// The address to listen on; keep it on this machine, because the sandbox has no login
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,

    /// Read settings, projects and faults from a file: TOML, or JSON if it ends in .json
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The callback address of requests that name none; a request without any callback address gets
    /// no callbacks
    #[arg(long, value_name = "URL", value_parser = TargetParser)]
    callback_url: Option<Target>,

    /// The address for the platform's requests to confirm the amount of a sale [default: the
    /// payment's callback address]
    #[arg(long, value_name = "URL", value_parser = TargetParser)]
    confirmation_url: Option<Target>,

    /// The project that --callback-url, --confirmation-url and --key-env are for [default: all
    /// projects of the --config file, or project 1]
    #[arg(long, value_name = "ID")]
    project: Option<ProjectId>,

    /// Take the project's key from an environment variable instead of the public demo key
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,

    /// The seed of ids and random choices: the same seed and requests give the same events
    /// [default: 1]
    #[arg(long)]
    seed: Option<u64>,

    /// Inject a fault: its name (`ecp sandbox fault --help` lists them), or a rule in JSON. May be
    /// repeated
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    fault: Vec<FaultRule>,

    /// Allow callbacks to this host too; without it they stay on this machine. May be repeated
    #[arg(long, value_name = "HOST", value_parser = address::host)]
    allow_host: Vec<String>,

    /// Accept requests to this host name too, such as a container's; IP addresses, localhost and
    /// the host of the public URL are accepted in any case. May be repeated
    #[arg(long, value_name = "NAME", value_parser = address::host)]
    host_name: Vec<String>,

    /// HTTP status of Gate's refusals, which the platform does not document [default: 400]
    #[arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u16).range(200..600))]
    error_status: Option<u16>,

    /// The clock of the sandbox [default: machine]
    #[arg(long)]
    clock: Option<ClockKind>,

    /// Keep payments, callbacks under way, faults and the clock in this file over a restart. It will
    /// hold customers' data
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Append every event to this file, one line of JSON each. It will hold customers' data. `-` is
    /// standard output, and messages then go to standard error
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

impl SandboxCommand {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        if let Some(control) = &self.control {
            return control.run();
        }
        let runtime = crate::runtime::start()?;
        runtime.block_on(self.serve(registry))
    }

    async fn serve(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let mut file = self.config.as_deref().map(File::read).transpose()?.unwrap_or_default();
        self.complete(&mut file);
        let config = self.settings(&file)?.registry(registry.clone());
        let listener = TcpListener::bind(self.addr).await.with_context(|| {
            format!("cannot listen on {}; is it in use? --addr names another address", self.addr)
        })?;
        let url = url(listener.local_addr()?);
        if !self.addr.ip().is_loopback() {
            note!(
                "WARNING: {} is open to your network. The sandbox protects nothing: anyone who \
                 reaches it can read every payment and send callbacks from this machine.",
                self.addr
            );
        }
        let url = file.public_url.clone().unwrap_or(url);
        let config = config.public_url(&url);
        let sandbox = match &self.state {
            Some(path) => Sandbox::open(config, path)?,
            None => Sandbox::new(config),
        };
        let server = sandbox.serve(listener);
        if let Some((project, url, reason)) = sandbox.refused_addresses().into_iter().next() {
            bail!(
                "the sandbox cannot send anything to {url}, an address of project {project}: \
                 {reason}"
            );
        }
        let mut log = match &self.log {
            Some(path) if !is_dash(path) => {
                let log = ecp_files::append(path);
                Some(log.with_context(|| format!("cannot write the log to {}", path.display()))?)
            }
            _ => None,
        };
        let mut events = sandbox.subscribe();
        let mut signals = Signals::listen()?;
        self.introduce(&url, &sandbox);
        self.say_next(&url, &sandbox, registry);
        let server = tokio::spawn(server);
        tokio::spawn({
            let sandbox = sandbox.clone();
            async move {
                signals.next().await;
                sandbox.shutdown();
            }
        });
        while let Some(event) = events.next().await {
            // Standard output may be closed; the sandbox keeps running.
            let json = event.to_json();
            let line = if self.logs_to_stdout() { None } else { Line::read(&json).ok() };
            let text = line.map(|line| line.text());
            let _ = writeln!(std::io::stdout(), "{}", text.as_deref().unwrap_or(&json));
            if let Some(log) = &mut log {
                writeln!(log, "{json}").context("cannot write the file of --log")?;
            }
        }
        server
            .await
            .context("the sandbox has stopped because of an internal error: please report it")??;
        if self.state.is_some() {
            sandbox.close()?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Overrides the file's projects by those of the command line.
    fn complete(&self, file: &mut File) {
        let named = self.project.map(ProjectId::get);
        let is_meant = |shop: &Shop| named.is_none_or(|id| shop.id == id);
        if !file.projects.iter().any(is_meant) {
            let id = self.project.unwrap_or(Config::DEMO_PROJECT);
            file.projects.push(Shop::new(id));
        }
        let text = |target: &Target| target.as_str().to_owned();
        for shop in file.projects.iter_mut().filter(|shop| is_meant(shop)) {
            shop.key_env = self.key_env.clone().or(shop.key_env.take());
            shop.callback_url = self.callback_url.as_ref().map(text).or(shop.callback_url.take());
            let confirmations = self.confirmation_url.as_ref().map(text);
            shop.confirmation_url = confirmations.or(shop.confirmation_url.take());
        }
        file.error_status = self.error_status.or(file.error_status);
    }

    /// The file's settings, overridden by those of the command line.
    fn settings(&self, file: &File) -> anyhow::Result<Config> {
        let token_key = Sensitive::new(Config::DEMO_TOKEN_KEY.to_owned());
        let config = Config::new().data_token(Config::DEMO_TOKEN, token_key, []);
        let of_file = || {
            let path = self.config.as_deref().unwrap_or(Path::new(""));
            format!("cannot use the settings file {}", path.display())
        };
        let applied = file.apply(config);
        let mut config =
            if self.config.is_some() { applied.with_context(of_file)? } else { applied? };
        if let Some(seed) = self.seed {
            config = config.seed(seed);
        }
        for host in &self.allow_host {
            config = config.allow_callback_host(host);
        }
        for name in &self.host_name {
            config = config.host_name(name);
        }
        for rule in &self.fault {
            config = config.fault(rule.clone());
        }
        if self.clock.or(file.clock).unwrap_or_default() == ClockKind::Virtual {
            let now = Timestamp::try_from(std::time::SystemTime::now());
            let start = file.start().with_context(of_file)?.map_or(now, Ok).context(
                "the machine's clock is beyond the years 0000 to 9999: set `start` in the \
                     file of --config",
            )?;
            config = config.virtual_time(start);
        }
        Ok(config)
    }

    fn logs_to_stdout(&self) -> bool {
        is_json() || self.log.as_deref().is_some_and(is_dash)
    }

    /// Prints a message for people.
    fn say(&self, text: Arguments<'_>) {
        if self.logs_to_stdout() {
            note!("{text}");
        } else {
            print_line!("{text}");
        }
    }

    /// Prints the commands and pages that can be used with the sandbox next.
    fn say_next(&self, url: &str, sandbox: &Sandbox, registry: &Registry) {
        next(format_args!("open {url}/dashboard"));
        // The profile `sandbox` is this project with the demo key.
        let is_demo = self.key_env.is_none() && self.config.is_none();
        if is_demo && sandbox.projects().contains(&Config::DEMO_PROJECT) {
            let gate =
                if is_default_address(url) { String::new() } else { format!(" --gate-url {url}") };
            if let Some(method) = some_method(registry) {
                next(format_args!("ecp sale {method} order-1 --sample{gate}"));
            }
        }
    }

    fn introduce(&self, url: &str, sandbox: &Sandbox) {
        self.say(format_args!("Gate:      {url}/v2/payment/.."));
        self.say(format_args!("Dashboard: {url}/dashboard"));
        self.say(format_args!("Data API:  {url}/v1/.. with token {}", Config::DEMO_TOKEN));
        self.say(format_args!("own API:   {url}/sandbox/.."));
        let projects: Vec<String> =
            sandbox.projects().into_iter().map(|project| project.to_string()).collect();
        self.say(format_args!("project:   {}", projects.join(", ")));
        match &self.key_env {
            None if self.config.is_none() => {
                self.say(format_args!("key:       {}", Config::DEMO_KEY));
            }
            None => {
                self.say(format_args!("key:       {} where the file names none", Config::DEMO_KEY));
            }
            Some(name) => self.say(format_args!("key:       from {name}")),
        }
        if let Some(path) = &self.state {
            let kept = sandbox.payments(&Filter::new(), Paging::default()).total;
            self.say(format_args!("state:     {}, payments so far: {kept}", path.display()));
        }
        if sandbox.is_virtual() {
            self.say(format_args!("clock:     {}, moved by `ecp sandbox clock`", sandbox.now()));
        }
        for (number, rule) in sandbox.faults() {
            self.say(format_args!("fault {number}:   {}", rule.to_json()));
        }
    }
}

/// Parses a fault: its name, or a rule.
fn fault(text: &str) -> Result<FaultRule, String> {
    let json = if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        serde_json::json!({"fault": text}).to_string()
    };
    FaultRule::from_json(&json).map_err(|error| {
        let is_known = text.starts_with('{') || Fault::NAMES.contains(&text);
        let meant = if is_known { String::new() } else { did_you_mean(text, Fault::NAMES) };
        format!("{error}{meant}")
    })
}

/// The URL for a browser on this machine.
fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}
