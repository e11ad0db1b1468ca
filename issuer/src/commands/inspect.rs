//! `issuer inspect`: what a code says, believed or not.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::credential::{Presentation, Purpose, StatusReference};
use shared::qr;

use crate::cli::Inspect;
use crate::output::Answer;

/// What nobody has checked when a code is only inspected.
const NOT_VERIFIED: [&str; 5] = [
    "the issuer's signature",
    "whether the issuer is trusted",
    "expiry and revocation",
    "the holder's proof",
    "the face",
];

pub fn run(arguments: &Inspect) -> Result<Answer> {
    let presentation = read(&arguments.what)?;
    let credential = presentation.credential()?;
    let claims = credential.claims();
    let kind = match presentation {
        Presentation::KeyBound(_) if claims.holder_key.is_some() => "rotating code",
        _ => match credential.dialect() {
            Some(_) => "foreign credential",
            None => "credential",
        },
    };
    let absent = "(none)";
    let key_id = credential.key_id().map(hex::encode);
    let purpose = claims.purpose.as_ref().map(Purpose::as_str);
    let place = |status: &StatusReference| format!("place {} of {}", status.index, status.uri);
    let mut lines = vec![
        format!("what        {kind}"),
        format!("issuer      {} (key {})", claims.issuer, key_id.as_deref().unwrap_or(absent)),
        format!("purpose     {}", purpose.unwrap_or(absent)),
        format!("issued      {}", claims.issued_at),
        format!("expires     {}", claims.expires),
        format!(
            "bound to    {}",
            if claims.holder_key.is_some() { "a phone's key" } else { "nothing (paper)" }
        ),
        format!("status      {}", claims.status.as_ref().map_or(absent.to_owned(), place)),
    ];
    for (attribute, value) in claims.attributes.iter() {
        lines.push(format!("{:<11} {}", attribute.name(), serde_json::to_string(value)?.trim_matches('"')));
    }
    if let Some(face) = &claims.face {
        lines.push(format!("face        {} bytes, {}", face.as_bytes().len(), face.algorithm().as_str()));
    }
    if let Some(portrait) = &claims.portrait {
        lines.push(format!("portrait    {} bytes, {:?}", portrait.as_bytes().len(), portrait.format()));
    }
    if !credential.disclosures().is_empty() {
        lines.push(format!("disclosed   {} groups that could be kept back", credential.disclosures().len()));
    }
    lines.push(format!("NOT VERIFIED: {}", NOT_VERIFIED.join("; ")));
    let json = json!({
        "kind": kind, "issuer": claims.issuer, "key": key_id, "purpose": claims.purpose,
        "dialect": credential.dialect(), "disclosed_groups": credential.disclosures().len(),
        "subject": claims.subject, "issued": claims.issued_at, "not_before": claims.not_before, "expires": claims.expires,
        "holder_key": claims.holder_key, "status": claims.status.as_ref().map(|status| json!({ "uri": status.uri, "index": status.index })),
        "claims": claims.attributes,
        "face": claims.face.as_ref().map(|face| json!({ "algorithm": face.algorithm().as_str(), "bytes": face.as_bytes().len() })),
        "portrait": claims.portrait.as_ref().map(|portrait| json!({ "format": format!("{:?}", portrait.format()).to_lowercase(), "bytes": portrait.as_bytes().len() })),
        "not_verified": NOT_VERIFIED,
    });
    Ok(Answer::done(lines.join("\n"), json))
}

/// A picture, a credential file, or the text itself.
fn read(what: &str) -> Result<Presentation> {
    let path = Path::new(what);
    if !path.exists() {
        return Presentation::decode(what)
            .with_context(|| "neither a file nor the text of a code".to_owned());
    }
    let bytes = fs::read(path).with_context(|| format!("reading {what}"))?;
    if bytes.first() == Some(&0xd2) {
        return Ok(Presentation::Static(bytes));
    }
    if let Ok(picture) = image::load_from_memory(&bytes) {
        let reading = qr::read(&picture.into_luma8());
        let [symbol] = reading.symbols.as_slice() else {
            bail!("{what} shows {} readable codes; one is needed", reading.symbols.len());
        };
        return Ok(Presentation::decode(&symbol.text)?);
    }
    let text = String::from_utf8(bytes)
        .with_context(|| format!("{what} is neither a picture, a credential nor a text"))?;
    Ok(Presentation::decode(text.trim_end())?)
}
