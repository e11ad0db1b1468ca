//! `issuer holder`: what a resident's phone does, for tests and for residents with a terminal.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::credential::{
    Challenge, PROOF_LIFE, Statement, UnverifiedCredential, countersign, disclose_only, disclose_to_machine,
    present_encrypted, present_statement,
};
use shared::encryption::EncryptionKey;
use shared::key::Signer;
use shared::qr::{self, payload};

use crate::cli::{Format, Present};
use crate::commands::{note, now};
use crate::keys::{self, Keeping};
use crate::output::Answer;

pub fn keygen(out: &Path) -> Result<Answer> {
    let (key, public_file) = Keeping::Pem.create_file(out)?;
    let public = key.public_key();
    Ok(Answer::done(public.to_string(), json!({ "private": out, "public": public_file, "key": public })))
}

pub fn present(arguments: &Present) -> Result<Answer> {
    let bytes = fs::read(&arguments.credential)
        .with_context(|| format!("reading {}", arguments.credential.display()))?;
    let credential = UnverifiedCredential::decode(&bytes)
        .with_context(|| format!("{} is not a credential", arguments.credential.display()))?;
    let claims = credential.claims();
    let on_paper = claims.holder_key.is_none();
    if on_paper && arguments.frames > 1 {
        bail!("a paper credential has one code that never changes; leave --frames out");
    }
    let challenge = arguments.challenge.as_deref().map(challenge).transpose()?;
    let audience = match (&arguments.aud, &challenge, &claims.purpose) {
        (Some(audience), ..) => audience.clone(),
        (None, Some(challenge), _) => challenge.audience().to_owned(),
        (None, None, Some(purpose)) => purpose.to_string(),
        (None, None, None) => bail!("the credential names no purpose; say whom the code is for with --aud"),
    };
    let sector = arguments.encrypt_to.as_deref().map(encryption_key).transpose()?;
    let encrypt_to = sector.or_else(|| challenge.as_ref().and_then(Challenge::reply_to));
    // Nobody signed for the key in a challenge: the secret of pairwise identifiers goes to the sector's only.
    let tells_secret = sector.is_some() && !on_paper && !arguments.countersign;
    let shown = match tells_secret {
        true => disclose_to_machine(&bytes, &arguments.disclose)?,
        false => disclose_only(&bytes, &arguments.disclose)?,
    };
    let key = arguments.key.as_deref().map(keys::open).transpose()?;
    let to_stdout = arguments.out.as_os_str() == "-";
    let format = arguments.format.unwrap_or(if to_stdout { Format::Terminal } else { Format::Png });
    if to_stdout && format == Format::Png {
        bail!("pictures go to a folder: give --out DIR, or --format svg, terminal or text");
    }
    let live = to_stdout && arguments.at.is_none();
    let start = now(arguments.at);

    let mut frames = Vec::new();
    for number in 0..arguments.frames {
        if live && number > 0 {
            std::thread::sleep(Duration::from_secs(arguments.every.unsigned_abs()));
        }
        let time = if live { now(None) } else { start.plus(arguments.every * i64::from(number)) };
        let nonce = challenge.as_ref().map(Challenge::nonce);
        let statement = Statement { audience: &audience, nonce, now: time };
        let code = || {
            Ok(match &key {
                _ if on_paper => payload::Payload::Static(shown.clone()),
                Some(key) if arguments.countersign => {
                    payload::Payload::Static(countersign(&shown, key, &statement)?)
                }
                Some(key) => payload::Payload::Signed(present_statement(&shown, key, &statement)?),
                None => bail!("--key is needed: the credential is bound to a phone's key"),
            })
        };
        let payload = match (&encrypt_to, &key) {
            (None, _) => code()?,
            (Some(to), Some(key)) if !on_paper && !arguments.countersign => {
                let seed = keys::random()?;
                payload::Payload::Encrypted(present_encrypted(&shown, key, &statement, to, &seed)?)
            }
            (Some(to), _) => {
                let sealed = to.seal(&payload::to_bytes(&code()?), &keys::random()?)?;
                payload::Payload::Encrypted(sealed)
            }
        };
        let text = payload::encode(&payload);
        let symbol = qr::encode(&text)?;
        let (extension, drawn) = match format {
            Format::Png => ("png", symbol.to_png(arguments.scale)),
            Format::Svg => ("svg", symbol.to_svg().into_bytes()),
            Format::Terminal => ("txt", symbol.to_terminal().into_bytes()),
            Format::Text => ("txt", text.clone().into_bytes()),
        };
        let file = if to_stdout {
            print_frame(&drawn, live && number > 0)?;
            None
        } else {
            fs::create_dir_all(&arguments.out)
                .with_context(|| format!("creating {}", arguments.out.display()))?;
            let stamp = time.to_string().replace([':', '-'], "");
            let path = arguments.out.join(format!("code-{number:03}-{stamp}.{extension}"));
            fs::write(&path, &drawn).with_context(|| format!("writing {}", path.display()))?;
            Some(path)
        };
        if to_stdout {
            let life = claims.max_presentation_age.map_or(PROOF_LIFE, i64::from).min(PROOF_LIFE);
            note(&format!("made {time}, good until {}", time.plus(life)));
        }
        frames.push(json!({
            "file": file, "made": time, "characters": text.len(), "version": symbol.version(),
            "level": symbol.level().name(),
        }));
    }
    let files = frames.iter().filter_map(|frame| frame["file"].as_str()).collect::<Vec<_>>().join("\n");
    Ok(Answer::done(files, json!({ "audience": audience, "frames": frames })))
}

/// The challenge that a kiosk shows: a picture of its code, or the text in it.
fn challenge(given: &str) -> Result<Challenge> {
    let text = match fs::read(given) {
        Err(_) => given.to_owned(),
        Ok(bytes) => {
            let picture =
                image::load_from_memory(&bytes).with_context(|| format!("{given} is not a picture"))?;
            let mut symbols = qr::read(&picture.into_luma8()).symbols;
            if symbols.len() != 1 {
                bail!("{given} shows {} readable codes; one is needed", symbols.len());
            }
            symbols.remove(0).text
        }
    };
    Challenge::decode(&text).context("--challenge is neither a picture of a kiosk's code nor its text")
}

/// A key to encrypt to: a file that holds it, or 64 hexadecimal digits.
fn encryption_key(given: &str) -> Result<EncryptionKey> {
    let text = fs::read_to_string(given).unwrap_or_else(|_| given.to_owned());
    EncryptionKey::parse(&text)
        .with_context(|| format!("{given} is not a sector's key (64 hexadecimal digits)"))
}

/// Prints one code; a live one replaces the one before it.
fn print_frame(drawn: &[u8], replace: bool) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    if replace {
        out.write_all(b"\x1b[2J\x1b[H")?;
    }
    out.write_all(drawn)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
