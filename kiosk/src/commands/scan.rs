//! `kiosk scan`: what the reader sees in pictures.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use shared::qr;

use super::{picture, print};

pub fn run(images: &[PathBuf]) -> Result<ExitCode> {
    let mut unreadable = false;
    for path in images {
        let picture = match picture(path) {
            Ok(picture) => picture.into_luma8(),
            Err(error) => {
                unreadable = true;
                print(
                    json!({ "image": path, "symbols": [], "ms": 0, "error": format!("{error:#}"), "reason": "image.unreadable" }),
                )?;
                continue;
            }
        };
        let started = Instant::now();
        let reading = qr::read(&picture);
        let ms = (started.elapsed().as_secs_f64() * 1e4).round() / 10.0;
        let symbols: Vec<_> = reading
            .symbols
            .iter()
            .map(|symbol| {
                json!({
                    "text": symbol.text, "version": symbol.version, "level": symbol.level.name(),
                    "stage": symbol.stage.name(), "corners": symbol.corners,
                })
            })
            .collect();
        print(json!({ "image": path, "symbols": symbols, "undecodable": reading.undecodable, "ms": ms }))?;
    }
    Ok(if unreadable { ExitCode::from(2) } else { ExitCode::SUCCESS })
}
