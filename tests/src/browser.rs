//! A real Chromium, driven through chromedriver (W3C WebDriver). It looks up no names and reaches this machine alone.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use serde_json::{Value, json};
use ureq::Agent;

/// How long a page may take until it shows what a test waits for: much, for the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The key of an element in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// An open browser with one window.
pub struct Browser {
    driver: Child,
    /// Kept open, for a driver that could not write would end.
    _output: BufReader<ChildStdout>,
    agent: Agent,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens one, or nothing (said loudly) where Chromium or its driver is not installed.
    pub fn open(width: u32, height: u32) -> Result<Option<Self>> {
        let installed = |program: &str| {
            let version =
                Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            version.is_ok_and(|status| status.success())
        };
        if !(installed("chromium") && installed("chromedriver")) {
            use std::io::Write;
            // Straight to the descriptor: the test harness swallows what `eprintln!` writes.
            let _ = writeln!(
                std::io::stderr(),
                "\n*** SKIPPED: no chromium with chromedriver is here; deploy/setup.sh installs them ***\n"
            );
            return Ok(None);
        }
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting chromedriver")?;
        let mut output = BufReader::new(driver.stdout.take().context("chromedriver's output")?);
        let port = match port(&mut output) {
            Ok(port) => port,
            Err(error) => {
                driver.kill()?;
                driver.wait()?;
                return Err(error);
            }
        };
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(2 * PATIENCE))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        let session = format!("http://127.0.0.1:{port}/session");
        let profile = tempfile::tempdir()?;
        let folder = format!("--user-data-dir={}", profile.path().display());
        let mut browser = Self { driver, _output: output, agent, session, _profile: profile };
        let size = format!("--window-size={width},{height}");
        let mut arguments = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Whatever else would be looked up does not exist.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        ];
        arguments.extend([folder.as_str(), size.as_str()]);
        let options = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        } } });
        let opened = browser.ask("POST", "", &options)?;
        let id = opened["sessionId"].as_str().context("chromedriver opened no session")?;
        browser.session = format!("{}/{id}", browser.session);
        Ok(Some(browser))
    }

    /// Opens a page.
    pub fn go(&self, url: &str) -> Result<()> {
        self.ask("POST", "/url", &json!({ "url": url })).map(|_| ())
    }

    /// Runs a script and returns what it returns.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// It is not, for a minute; then with the text of the page.
    pub fn wait(&self, expression: &str) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if self.run(&format!("return Boolean({expression})"))? == Value::Bool(true) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("{expression} did not become true; the page says:\n{}", self.text("body")?)
    }

    /// Returns the text that an element shows.
    pub fn text(&self, selector: &str) -> Result<String> {
        let element = self.element(selector)?;
        let text = self.ask("GET", &format!("/element/{element}/text"), &Value::Null)?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks an element as a mouse does.
    pub fn click(&self, selector: &str) -> Result<()> {
        let element = self.element(selector)?;
        self.ask("POST", &format!("/element/{element}/click"), &json!({})).map(|_| ())
    }

    /// Types into an element.
    pub fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.element(selector)?;
        self.ask("POST", &format!("/element/{element}/clear"), &json!({}))?;
        self.ask("POST", &format!("/element/{element}/value"), &json!({ "text": text })).map(|_| ())
    }

    /// Presses a key wherever the focus is, and lets it go after so long.
    pub fn press(&self, key: &str, held: Duration) -> Result<()> {
        let milliseconds = u64::try_from(held.as_millis())?;
        let keys = json!({ "type": "key", "id": "keyboard", "actions": [
            { "type": "keyDown", "value": key },
            { "type": "pause", "duration": milliseconds },
            { "type": "keyUp", "value": key },
        ] });
        self.ask("POST", "/actions", &json!({ "actions": [keys] })).map(|_| ())
    }

    /// Holds the mouse on an element for so long.
    pub fn hold(&self, selector: &str, held: Duration) -> Result<()> {
        let element = self.element(selector)?;
        let milliseconds = u64::try_from(held.as_millis())?;
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": [
            { "type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": { ELEMENT: element } },
            { "type": "pointerDown", "button": 0 },
            { "type": "pause", "duration": milliseconds },
            { "type": "pointerUp", "button": 0 },
        ] });
        self.ask("POST", "/actions", &json!({ "actions": [mouse] })).map(|_| ())
    }

    /// Returns a picture of the window, as PNG.
    pub fn screenshot(&self) -> Result<Vec<u8>> {
        let picture = self.ask("GET", "/screenshot", &Value::Null)?;
        Ok(base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap_or_default())?)
    }

    /// Makes the window another size.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.ask("POST", "/window/rect", &json!({ "width": width, "height": height })).map(|_| ())
    }

    /// Returns the addresses that the browser has asked since the last call.
    pub fn requests(&self) -> Result<Vec<String>> {
        let entries = self.log("performance")?;
        let messages = entries.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
        let sent = messages.filter(|message| message["message"]["method"] == "Network.requestWillBeSent");
        Ok(sent
            .filter_map(|message| Some(message["message"]["params"]["request"]["url"].as_str()?.to_owned()))
            .collect())
    }

    /// Returns what the page's console said since the last call.
    pub fn console(&self) -> Result<Vec<String>> {
        self.log("browser")
    }

    fn log(&self, kind: &str) -> Result<Vec<String>> {
        let entries = self.ask("POST", "/se/log", &json!({ "type": kind }))?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        Ok(entries.iter().filter_map(|entry| Some(entry["message"].as_str()?.to_owned())).collect())
    }

    fn element(&self, selector: &str) -> Result<String> {
        let query = json!({ "using": "css selector", "value": selector });
        let found = self.ask("POST", "/element", &query)?;
        Ok(found[ELEMENT].as_str().with_context(|| format!("no {selector}"))?.to_owned())
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.session);
        let response = match method {
            "GET" => self.agent.get(&url).call(),
            "DELETE" => self.agent.delete(&url).call(),
            _ => self.agent.post(&url).content_type("application/json").send(body.to_string()),
        };
        let mut response = response.with_context(|| format!("{method} {path}"))?;
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
        let answer: Value =
            serde_json::from_str(&text).with_context(|| format!("{method} {path}: {text}"))?;
        if !response.status().is_success() {
            bail!("{method} {path}: {}", answer["value"]["message"]);
        }
        Ok(answer["value"].clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The session ends the browser; without an answer its driver still has to go.
        let _ = self.ask("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Reads where the driver listens: `ChromeDriver was started successfully on port 41234.`
fn port(output: &mut impl BufRead) -> Result<u16> {
    let mut line = String::new();
    while output.read_line(&mut line)? > 0 {
        if let Some((_, port)) = line.trim_end().trim_end_matches('.').rsplit_once("successfully on port ") {
            return Ok(port.parse()?);
        }
        line.clear();
    }
    bail!("chromedriver did not start")
}
