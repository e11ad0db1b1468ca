//! The client that `tuf-conformance` drives: our TUF client over HTTP to this machine, and nothing else.
//!
//! ```text
//! tuf_client --metadata-dir DIR init ROOT.json
//! tuf_client --metadata-dir DIR --metadata-url URL refresh
//! tuf_client --metadata-dir DIR --metadata-url URL --target-name PATH --target-base-url URL --target-dir DIR download
//! ```

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use shared::time::Timestamp;
use shared::trust::{Client, Files, SourceError, TrustSource};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The root that the client was provisioned with; the suite reads every file here that ends in `.json`.
const PROVISIONED: &str = "provisioned.root";
/// Where the names of the files in the memory are.
const NAMES: &str = "names";

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    metadata_dir: PathBuf,
    #[arg(long)]
    metadata_url: Option<String>,
    #[arg(long)]
    target_name: Vec<String>,
    #[arg(long)]
    target_base_url: Option<String>,
    #[arg(long)]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init { root: PathBuf },
    Refresh,
    Download,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tuf_client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let memory = Memory { folder: &arguments.metadata_dir };
    if let Command::Init { root } = &arguments.command {
        let root = fs::read(root)?;
        fs::write(memory.folder.join(PROVISIONED), &root)?;
        return memory.write(&Files::from([("root.json".to_owned(), root)]));
    }
    let source = Web {
        metadata: arguments.metadata_url.clone().ok_or("--metadata-url is missing")?,
        targets: arguments.target_base_url.clone().unwrap_or_default(),
    };
    let root = fs::read(memory.folder.join(PROVISIONED))?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now = Timestamp::from_unix(i64::try_from(seconds)?).ok_or("the clock is out of range")?;
    let mut client = Client::open(&(Arc::new(source) as Arc<dyn TrustSource>), &root, &memory.read()?)?;
    let result = work(arguments, &mut client, now);
    // The suite wants what was verified before something failed; a kiosk keeps nothing of such a repository.
    memory.write(&client.memory())?;
    result
}

fn work(arguments: &Arguments, client: &mut Client, now: Timestamp) -> Result<()> {
    client.refresh(now)?;
    if !matches!(arguments.command, Command::Download) {
        return Ok(());
    }
    let folder = arguments.target_dir.as_deref().ok_or("--target-dir is missing")?;
    for name in &arguments.target_name {
        let target = client.find(name, now)?.ok_or("nobody lists the target")?;
        // One flat name for each target, whatever is in it.
        let flat: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(flat.get(..200).unwrap_or(&flat));
        if !fs::read(&path).is_ok_and(|bytes| target.is(&bytes)) {
            fs::write(path, client.download(&target)?)?;
        }
    }
    Ok(())
}

/// The client's memory as files, as the suite looks at it.
struct Memory<'a> {
    folder: &'a Path,
}

impl Memory<'_> {
    fn read(&self) -> Result<Files> {
        let names = fs::read_to_string(self.folder.join(NAMES))?;
        names.lines().map(|name| Ok((name.to_owned(), fs::read(self.folder.join(name))?))).collect()
    }

    fn write(&self, files: &Files) -> Result<()> {
        // Versioned copies are the library's; the suite asks for names without a version.
        let versioned = |name: &str| name.split('.').next().is_some_and(|first| first.parse::<u64>().is_ok());
        let files: Vec<(&String, &Vec<u8>)> = files.iter().filter(|(name, _)| !versioned(name)).collect();
        for (name, bytes) in &files {
            let path = self.folder.join(name);
            fs::create_dir_all(path.parent().unwrap_or(self.folder))?;
            fs::write(path, bytes)?;
        }
        let names: String = files.iter().map(|(name, _)| format!("{name}\n")).collect();
        Ok(fs::write(self.folder.join(NAMES), names)?)
    }
}

/// A repository behind HTTP/1.0 on this machine.
struct Web {
    metadata: String,
    targets: String,
}

impl TrustSource for Web {
    fn metadata(&self, name: &str, limit: u64) -> std::result::Result<Option<Vec<u8>>, SourceError> {
        fetch(&self.metadata, name, limit)
    }

    fn target(&self, path: &str, limit: u64) -> std::result::Result<Option<Vec<u8>>, SourceError> {
        fetch(&self.targets, path, limit)
    }
}

fn fetch(base: &str, name: &str, limit: u64) -> std::result::Result<Option<Vec<u8>>, SourceError> {
    get(&format!("{}/{name}", base.trim_end_matches('/')), limit)
        .map_err(|error| SourceError { name: name.to_owned(), problem: error.to_string() })
}

fn get(url: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    let rest = url.strip_prefix("http://").ok_or("not an http address")?;
    let (host, path) = rest.split_once('/').ok_or("no path in the address")?;
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET /{} HTTP/1.0\r\nHost: {host}\r\n\r\n", quoted(path))?;
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while !line.trim_end().is_empty() {
        line.clear();
        answer.read_line(&mut line)?;
    }
    match status.as_str() {
        "200" => {}
        "403" | "404" => return Ok(None),
        _ => return Err(format!("status {status}").into()),
    }
    let mut bytes = Vec::new();
    answer.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err("too long".into()) } else { Ok(Some(bytes)) }
}

/// Percent-encodes what may not stand in a request line; what is encoded already stays.
fn quoted(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'!'..=b'~' if !b"\"#<>?[]^`{|}\\".contains(&byte) => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
