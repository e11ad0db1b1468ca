//! `kiosk metrics`: what a running lane's histograms say, without a Prometheus.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use ureq::Agent;

use super::answer;
use crate::operator::metrics::Distribution;

/// How long a lane may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn run(address: SocketAddr, as_json: bool) -> Result<ExitCode> {
    let agent: Agent = Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build().into();
    let mut response = agent
        .get(format!("http://{address}/metrics"))
        .call()
        .with_context(|| format!("asking a lane at {address}; is `metrics` set in [operator]?"))?;
    let text = response.body_mut().read_to_string().context("reading the metrics")?;
    let found = Distribution::read_all(&text);
    if found.is_empty() {
        bail!("{address} serves no metrics of a lane");
    }
    let mut json = Map::new();
    let mut lines =
        vec![format!("{:<32} {:>8} {:>9} {:>9} {:>9}", "seconds", "count", "median", "p95", "p99")];
    for one in &found {
        let [median, p95, p99] = [0.5, 0.95, 0.99].map(|share| one.quantile(share));
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        lines.push(format!(
            "{:<32} {:>8} {:>9} {:>9} {:>9}",
            one.name,
            one.count(),
            shown(median),
            shown(p95),
            shown(p99)
        ));
        let entry = json!({ "count": one.count(), "median": median, "p95": p95, "p99": p99 });
        json.insert(one.name.clone(), entry);
    }
    answer(as_json, &Value::Object(json), &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
