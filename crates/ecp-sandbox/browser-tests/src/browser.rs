//! A browser of one's own, and what a customer does with it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use ecp_sandbox::TEST_VOUCHER;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

/// Long enough for any machine; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Three browsers at a time: the machine may be small.
static TURN: Semaphore = Semaphore::const_new(3);

static SAID: Once = Once::new();

/// The browser without windows starts and draws in about half the processor time.
const BROWSERS: [&str; 2] = ["chromium-headless-shell", "chromium"];
const DRIVER: &str = "chromedriver";

/// A browser session without history, cookies and stored data. It ends when the value is dropped.
pub struct Browser {
    /// The WebDriver session, for calls that have no method here.
    pub driver: WebDriver,
    folder: TempDir,
    chromedriver: Child,
    port: u16,
    /// The frame that is looked into.
    frame: Mutex<Option<String>>,
    _turn: SemaphorePermit<'static>,
}

impl Browser {
    /// Opens a browser. If no browser is installed, prints a message and returns `None`; if `CI` is
    /// `true`, returns an error instead, so that no test is skipped unnoticed.
    pub async fn open() -> anyhow::Result<Option<Self>> {
        Self::start(false).await
    }

    /// Opens a browser like [`Browser::open`] that records what pages load, for
    /// [`Browser::requests`].
    pub async fn recording() -> anyhow::Result<Option<Self>> {
        Self::start(true).await
    }

    async fn start(is_recording: bool) -> anyhow::Result<Option<Self>> {
        let (Some(chromium), Some(driver)) = (BROWSERS.into_iter().find_map(found), found(DRIVER))
        else {
            let text = "left out: the tests in a browser (chromium or chromedriver missing)";
            if std::env::var("CI").is_ok_and(|ci| ci == "true") {
                bail!(text);
            }
            // Bypasses the test harness, which captures output; once is enough.
            SAID.call_once(|| drop(writeln!(std::io::stderr(), "\n{text}")));
            return Ok(None);
        };
        let turn = TURN.acquire().await?;
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let chromedriver = Command::new(driver)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start chromedriver")?;
        let driver = connect(&chromium, port, folder.path(), is_recording).await?;
        let frame = Mutex::new(None);
        let browser = Self { driver, folder, chromedriver, port, frame, _turn: turn };
        let downloads = browser.folder.path().join("downloads");
        std::fs::create_dir(&downloads)?;
        let kept = json!({"behavior": "allow", "downloadPath": downloads});
        browser.devtools("Browser.setDownloadBehavior", kept).await?;
        Ok(Some(browser))
    }

    /// Opens this URL in the browser.
    pub async fn goto(&self, url: &str) -> anyhow::Result<()> {
        *self.frame_name() = None;
        self.driver.goto(url).await.with_context(|| format!("cannot open the page {url}"))
    }

    /// Returns the URL of the open page.
    pub async fn url(&self) -> anyhow::Result<String> {
        Ok(self.driver.current_url().await?.into())
    }

    /// Returns the visible text of the open page. Waits if the page is just being replaced.
    pub async fn text(&self) -> anyhow::Result<String> {
        let text = self.wait_for("document.body && document.body.innerText").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits for a visible element that the CSS selector finds, and returns the first one.
    pub async fn find(&self, selector: &str) -> anyhow::Result<WebElement> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(element) = self.driver.find(By::Css(selector)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return Ok(element);
            }
            if Instant::now() > end {
                let text = self.text().await.unwrap_or_default();
                bail!(
                    "no visible element `{selector}` on the page {}, which shows:\n{text}",
                    self.url().await.unwrap_or_default()
                );
            }
            self.enter_again().await;
            sleep(Duration::from_millis(40)).await;
        }
    }

    /// Clicks on the element that the CSS selector finds. Tries again if the page is just being
    /// replaced.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        for _ in 0..3 {
            if self.find(selector).await?.click().await.is_ok() {
                return Ok(());
            }
        }
        Ok(self.find(selector).await?.click().await?)
    }

    /// Replaces the text of the form field that the CSS selector finds.
    pub async fn fill(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let element = self.find(selector).await?;
        element.clear().await?;
        Ok(element.send_keys(text).await?)
    }

    /// Presses Success or Decline on the provider's page. Success first enters the test voucher
    /// that pays, if the page asks for a voucher.
    pub async fn decide(&self, success: bool) -> anyhow::Result<()> {
        if !success {
            return self.click("form button.decline").await;
        }
        self.enter_voucher().await?;
        self.click("form button.success").await
    }

    /// Enters the sandbox's test voucher that pays, if the provider's page asks for a voucher.
    pub async fn enter_voucher(&self) -> anyhow::Result<()> {
        self.find("form button.success").await?;
        let [(number, _), ..] = TEST_VOUCHER;
        let asked = self.driver.find_all(By::Css(format!("input[name={number}]"))).await?;
        if !asked.is_empty() {
            for (name, value) in TEST_VOUCHER {
                self.fill(&format!("input[name={name}]"), value).await?;
            }
        }
        Ok(())
    }

    /// Fills in the required form fields of the open page, with invented values.
    pub async fn fill_in(&self) -> anyhow::Result<()> {
        for Required { name, example } in self.required().await? {
            self.fill(&format!("main input[name={name}]"), example).await?;
        }
        Ok(())
    }

    /// Returns the required form fields of the open page.
    pub async fn required(&self) -> anyhow::Result<Vec<Required>> {
        let mut required = Vec::new();
        for input in self.driver.find_all(By::Css("main input[required]")).await? {
            let name = input.attr("name").await?.unwrap_or_default();
            let example = match input.attr("type").await?.as_deref() {
                Some("email") => "mary@example.com",
                Some("tel") => "76575657657676",
                _ => "Mary",
            };
            required.push(Required { name, example });
        }
        Ok(required)
    }

    /// Presses a key in the element that has the focus.
    pub async fn press(&self, key: Key) -> anyhow::Result<()> {
        self.type_in(&key.value().to_string()).await
    }

    /// Types a text into the element that has the focus.
    pub async fn type_in(&self, text: &str) -> anyhow::Result<()> {
        Ok(self.driver.action_chain().send_keys(text).perform().await?)
    }

    /// Presses Tab until the element that the CSS selector finds has the focus and shows it.
    pub async fn tab_to(&self, selector: &str) -> anyhow::Result<()> {
        const FARTHEST: usize = 60;
        self.find(selector).await?;
        let script = format!(
            "const at = document.activeElement; return at.matches({}) && \
             getComputedStyle(at).outlineStyle !== 'none';",
            json!(selector)
        );
        for _ in 0..FARTHEST {
            self.press(Key::Tab).await?;
            if self.driver.execute(&script, Vec::new()).await?.json() == &json!(true) {
                return Ok(());
            }
        }
        bail!("the Tab key does not reach `{selector}` on the page {}", self.url().await?)
    }

    /// Waits until the URL of the page begins with `start`, and returns the URL.
    pub async fn arrives(&self, start: &str) -> anyhow::Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let url = self.url().await?;
            if url.starts_with(start) {
                return Ok(url);
            }
            if Instant::now() > end {
                let text = self.text().await.unwrap_or_default();
                bail!("the URL {url} does not begin with {start}; the page shows:\n{text}");
            }
            sleep(Duration::from_millis(40)).await;
        }
    }

    /// Evaluates a JavaScript expression until its value is not false, empty or null, and returns
    /// the value.
    pub async fn wait_for(&self, expression: &str) -> anyhow::Result<Value> {
        let end = Instant::now() + PATIENCE;
        let script = format!("return {expression};");
        loop {
            let value = self.driver.execute(&script, Vec::new()).await;
            let value = value.map_or(Value::Null, |value| value.json().clone());
            let is_there = match &value {
                Value::Null | Value::Bool(false) => false,
                Value::Array(items) => !items.is_empty(),
                _ => true,
            };
            if is_there {
                return Ok(value);
            }
            if Instant::now() > end {
                bail!("the JavaScript expression `{expression}` still has the value {value}");
            }
            self.enter_again().await;
            sleep(Duration::from_millis(40)).await;
        }
    }

    /// Enters the frame that the CSS selector finds; `None` leaves all frames.
    pub async fn frame(&self, selector: Option<&str>) -> anyhow::Result<()> {
        *self.frame_name() = None;
        self.driver.enter_default_frame().await?;
        if let Some(selector) = selector {
            self.find(selector).await?.enter_frame().await?;
            *self.frame_name() = Some(selector.to_owned());
        }
        Ok(())
    }

    /// Enters the frame once more: the driver leaves it by itself when it is asked at the moment in
    /// which the frame's page is replaced.
    async fn enter_again(&self) {
        let Some(selector) = self.frame_name().clone() else { return };
        // The caller repeats the attempt after any failure.
        if self.driver.enter_default_frame().await.is_ok()
            && let Ok(frame) = self.driver.find(By::Css(selector)).await
        {
            let _ = frame.enter_frame().await;
        }
    }

    fn frame_name(&self) -> MutexGuard<'_, Option<String>> {
        self.frame.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the size of the page in pixels, without the window's frame.
    pub async fn size(&self, width: u32, height: u32) -> anyhow::Result<()> {
        let size = json!({
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await
    }

    /// Makes pages use their dark colours, or their light ones.
    pub async fn dark(&self, dark: bool) -> anyhow::Result<()> {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", features).await
    }

    /// Allows or forbids the scripts of pages. The WebDriver's own scripts always run.
    pub async fn scripts(&self, on: bool) -> anyhow::Result<()> {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": !on})).await
    }

    /// Returns the errors of scripts and of the content security policy since the last call.
    pub async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        let log = self.driver.browser_log().await?;
        Ok(log.into_iter().map(|entry| entry.message).collect())
    }

    /// Returns the URL of every request that the browser has begun for its pages since the last call,
    /// also of those that were refused, each with the kind of what it loads, such as `Font`. The
    /// browser must be a [recording](Self::recording) one.
    pub async fn requests(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut requests = Vec::new();
        for entry in self.driver.get_log("performance").await? {
            let entry: Value = serde_json::from_str(&entry.message)?;
            let event = &entry["message"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (url, kind) = match event["method"].as_str() {
                Some("Network.requestWillBeSent") => {
                    (&event["params"]["request"]["url"], text(&event["params"]["type"]))
                }
                Some("Network.webSocketCreated") => {
                    (&event["params"]["url"], "WebSocket".to_owned())
                }
                _ => continue,
            };
            requests.push((text(url), kind));
        }
        Ok(requests)
    }

    /// Opens this URL without what was stored of earlier visits, and returns the time from the
    /// beginning of the navigation to the first paint of the page, in milliseconds.
    pub async fn first_paint(&self, url: &str) -> anyhow::Result<f64> {
        self.devtools("Network.clearBrowserCache", json!({})).await?;
        self.goto(url).await?;
        let paint = "performance.getEntriesByName('first-paint')[0]?.startTime";
        let time = self.wait_for(paint).await?;
        time.as_f64().with_context(|| format!("the browser did not measure the paint of {url}"))
    }

    /// Returns a screenshot of the page as a PNG file.
    pub async fn picture(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.driver.screenshot_as_png().await?)
    }

    /// Waits for the download of the file with this name, and returns its content.
    pub async fn download(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let file = self.folder.path().join("downloads").join(name);
        let end = Instant::now() + PATIENCE;
        while !file.exists() {
            if Instant::now() > end {
                bail!("the browser did not download the file {name} in time");
            }
            sleep(Duration::from_millis(40)).await;
        }
        Ok(std::fs::read(file)?)
    }

    /// Writes a file that a page can upload, and returns its path.
    pub fn file(&self, name: &str, content: &[u8]) -> anyhow::Result<PathBuf> {
        let file = self.folder.path().join(name);
        std::fs::write(&file, content)?;
        Ok(file)
    }

    async fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<()> {
        self.driver.cdp().send_raw(command, parameters).await?;
        Ok(())
    }
}

/// A form field that must be filled in.
pub struct Required {
    /// The name of the form field.
    pub name: String,
    /// An invented value for the field.
    pub example: &'static str,
}

/// Ends the session before its driver: without one the browser would stay.
impl Drop for Browser {
    fn drop(&mut self) {
        let end = || -> std::io::Result<()> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let session = self.driver.handle().session_id().to_string();
            write!(stream, "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
            // The answer comes when the browser has gone.
            stream.read(&mut [0; 64]).map(|_| ())
        };
        // It may have ended already, and so may its driver.
        let _ = end();
        let _ = self.driver.clone().leak();
        let _ = self.chromedriver.start_kill();
    }
}

async fn connect(
    chromium: &Path,
    port: u16,
    folder: &Path,
    is_recording: bool,
) -> anyhow::Result<WebDriver> {
    let profile = folder.join("profile");
    let mut capabilities = DesiredCapabilities::chrome();
    capabilities.set_binary(&chromium.to_string_lossy())?;
    if chromium.ends_with(BROWSERS[0]) {
        capabilities.set("browserName", "chrome-headless-shell")?;
    }
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-software-rasterizer",
        // Pages that are kept to go back to, and a process for a page that may come.
        "--disable-features=BackForwardCache,SpareRendererForSitePerProcess",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--lang=en-US",
        "--window-size=1000,800",
        &format!("--user-data-dir={}", profile.display()),
    ] {
        capabilities.add_arg(argument)?;
    }
    let preferences = json!({"intl.accept_languages": "en-US"});
    capabilities.add_experimental_option("prefs", preferences)?;
    let network = if is_recording { "ALL" } else { "OFF" };
    let logs = json!({"browser": "ALL", "performance": network});
    capabilities.set("goog:loggingPrefs", logs)?;
    // A dialog is what a hostile script would show: it must not go away by itself.
    capabilities.set("unhandledPromptBehavior", "ignore")?;
    // The driver's HTTP client wants one, though it speaks plain HTTP. Another test may have been
    // quicker.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://127.0.0.1:{port}");
    let end = Instant::now() + PATIENCE;
    loop {
        match WebDriver::new(&url, capabilities.clone()).await {
            Ok(driver) => return Ok(driver),
            Err(error) if Instant::now() > end => {
                return Err(error).context("cannot open a browser by chromedriver");
            }
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
