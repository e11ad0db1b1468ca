//! What was measured, as JSON and in words.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::rates::FEW_IMPOSTORS;
use super::{AtFmr, Evaluation, Rate, Scores};

const FMRS: [(&str, f64); 3] = [("1e-2", 1e-2), ("1e-3", 1e-3), ("1e-4", 1e-4)];
/// The rates that a calibration wants.
const CALIBRATION: [u32; 5] = [100, 1000, 10_000, 100_000, 1_000_000];

/// Returns the report for programs.
pub fn json(evaluation: &Evaluation) -> Value {
    let failed: u64 = evaluation.failures.values().sum();
    let attacks: Map<String, Value> = evaluation
        .attacks
        .iter()
        .map(|(species, attack)| {
            let apcer = apcer(&attack.scores, evaluation.attack_threshold);
            (species.clone(), json!({ "apcer": apcer, "not_captured": attack.not_captured }))
        })
        .collect();
    json!({
        "set": evaluation.set,
        "models": evaluation.models,
        "algorithm": evaluation.algorithm,
        "images": evaluation.images,
        "identities": evaluation.identities,
        "genuine_pairs": evaluation.template.genuine_pairs(),
        "impostor_pairs": evaluation.template.impostor.total(),
        "failure_to_acquire": Rate::new(failed, evaluation.images as u64),
        "failures": evaluation.failures,
        "not_enrollable": Rate::new(evaluation.not_enrollable, evaluation.images as u64 - failed),
        "eer": evaluation.template.eer(),
        "fnmr_at_fmr": at_fmr(&evaluation.template),
        "lowest_genuine_score": evaluation.template.lowest_genuine(),
        "float": { "eer": evaluation.float.eer(), "fnmr_at_fmr": at_fmr(&evaluation.float) },
        "groups": evaluation.groups.iter().map(|(group, scores)| (group.clone(), summary(scores))).collect::<Map<_, _>>(),
        "portraits": evaluation.portraits.iter().zip(&evaluation.portrait_failures).map(|((bytes, scores), failures)| {
            json!({ "bytes": bytes, "not_enrolled": failures, "result": summary(scores) })
        }).collect::<Vec<_>>(),
        "template_on_the_same_people": evaluation.portrait_baseline.as_ref().map(summary),
        "attack": {
            "threshold": evaluation.attack_threshold,
            "bpcer": bpcer(evaluation),
            "species": attacks,
            "worst_apcer": worst(evaluation),
        },
        "stages_ms": evaluation.stages,
        "calibration": calibration(&evaluation.template).into_iter().map(|(one_in, score)| json!({ "one_in": one_in, "score": score })).collect::<Vec<_>>(),
    })
}

fn summary(scores: &Scores) -> Value {
    json!({
        "genuine_pairs": scores.genuine_pairs(), "impostor_pairs": scores.impostor.total(),
        "eer": scores.eer(), "fnmr_at_fmr": at_fmr(scores),
    })
}

fn at_fmr(scores: &Scores) -> Map<String, Value> {
    FMRS.iter().map(|(name, fmr)| ((*name).to_owned(), json!(scores.at_fmr(*fmr)))).collect()
}

fn apcer(scores: &[f32], threshold: f32) -> Option<Rate> {
    Rate::new(scores.iter().filter(|score| **score >= threshold).count() as u64, scores.len() as u64)
}

fn bpcer(evaluation: &Evaluation) -> Option<Rate> {
    let refused = evaluation.bona_fide.iter().filter(|score| **score < evaluation.attack_threshold).count();
    Rate::new(refused as u64, evaluation.bona_fide.len() as u64)
}

/// The species that gets through most often is the one that counts (ISO/IEC 30107-3).
fn worst(evaluation: &Evaluation) -> Option<Rate> {
    let rates =
        evaluation.attacks.values().filter_map(|attack| apcer(&attack.scores, evaluation.attack_threshold));
    rates.max_by(|a, b| a.rate.total_cmp(&b.rate))
}

/// Thresholds that a manifest's calibration can take over, only those that enough impostors stand behind.
fn calibration(scores: &Scores) -> Vec<(u32, f64)> {
    let enough = |one_in: &u32| scores.impostor.total() / u64::from(*one_in) >= FEW_IMPOSTORS;
    let point = |one_in: u32| {
        Some((one_in, (scores.impostor.threshold(1.0 / f64::from(one_in))? * 1e4).round() / 1e4))
    };
    CALIBRATION.into_iter().filter(enough).filter_map(point).collect()
}

/// Returns the report for people.
pub fn markdown(evaluation: &Evaluation) -> String {
    let mut out = String::new();
    write(&mut out, evaluation).expect("a String takes everything");
    out
}

fn write(out: &mut String, evaluation: &Evaluation) -> std::fmt::Result {
    let failed: u64 = evaluation.failures.values().sum();
    writeln!(out, "# Face evaluation: {} models\n", evaluation.set)?;
    writeln!(out, "Models: {}. Templates: `{}`.\n", evaluation.models.join(", "), evaluation.algorithm)?;
    writeln!(
        out,
        "{} pictures of {} people; {} genuine and {} impostor comparisons. Every two pictures are compared once, the earlier \
         by name as the reference. Brackets hold 95 % intervals: Wilson's, and for FNMR the wider of that and of people drawn anew.\n",
        evaluation.images,
        evaluation.identities,
        evaluation.template.genuine_pairs(),
        evaluation.template.impostor.total()
    )?;
    writeln!(out, "| | rate |\n| --- | --- |")?;
    writeln!(out, "| failure to acquire | {} |", rate(Rate::new(failed, evaluation.images as u64)))?;
    for (failure, count) in &evaluation.failures {
        let name = serde_json::to_value(failure)
            .ok()
            .and_then(|name| name.as_str().map(|name| name.replace('_', " ")));
        writeln!(out, "| … {} | {count} |", name.unwrap_or_default())?;
    }
    let good = evaluation.images as u64 - failed;
    writeln!(
        out,
        "| good enough to compare, not to enrol | {} |",
        rate(Rate::new(evaluation.not_enrollable, good))
    )?;
    writeln!(out, "| equal error rate | {} |\n", rate(evaluation.template.eer()))?;

    writeln!(out, "## FNMR at FMR\n\n![DET curve](det.png)\n")?;
    writeln!(
        out,
        "| reference | genuine | impostor | 1e-2 | 1e-3 | 1e-4 |\n| --- | --- | --- | --- | --- | --- |"
    )?;
    row(out, "template", &evaluation.template)?;
    row(out, "float embedding", &evaluation.float)?;
    for (group, scores) in &evaluation.groups {
        row(out, &format!("template, {group} alone"), scores)?;
    }
    writeln!(
        out,
        "\nTemplate against tiny portrait, the first picture of each person (at most 300) against all others:\n"
    )?;
    writeln!(
        out,
        "| reference | genuine | impostor | 1e-2 | 1e-3 | 1e-4 |\n| --- | --- | --- | --- | --- | --- |"
    )?;
    if let Some(scores) = &evaluation.portrait_baseline {
        row(out, "template, 128 bytes", scores)?;
    }
    for ((bytes, scores), failures) in evaluation.portraits.iter().zip(&evaluation.portrait_failures) {
        row(out, &format!("grey JPEG, {bytes} bytes ({failures} not enrolled)"), scores)?;
    }
    writeln!(
        out,
        "\n\\* fewer than {FEW_IMPOSTORS} impostors reach the threshold, so the threshold is a guess. – too few pairs to tell.\n"
    )?;

    writeln!(out, "## Presentation attacks (threshold {:.2})\n", evaluation.attack_threshold)?;
    writeln!(out, "| | rate | not captured |\n| --- | --- | --- |")?;
    writeln!(out, "| BPCER, bona fide refused | {} | |", rate(bpcer(evaluation)))?;
    for (species, attack) in &evaluation.attacks {
        let rate = rate(apcer(&attack.scores, evaluation.attack_threshold));
        writeln!(out, "| APCER, {species} accepted | {rate} | {} |", attack.not_captured)?;
    }
    if evaluation.attacks.is_empty() {
        writeln!(out, "\nNo attacks were given (`--attacks`): how many get through is not known.")?;
    }

    writeln!(out, "\n## Time\n\nMedian milliseconds of one picture on one core of a shared machine:\n")?;
    writeln!(out, "| stage | ms |\n| --- | --- |")?;
    for (stage, ms) in &evaluation.stages {
        writeln!(out, "| {stage} | {ms:.3} |")?;
    }

    let points = calibration(&evaluation.template);
    if !points.is_empty() {
        writeln!(
            out,
            "\n## Calibration\n\nFor `calibration` in a manifest, if these people are like those at your lane:\n\n```toml"
        )?;
        for (one_in, score) in points {
            writeln!(out, "{{ one_in = {one_in}, score = {score} }},")?;
        }
        writeln!(out, "```")?;
    }
    Ok(())
}

fn row(out: &mut String, name: &str, scores: &Scores) -> std::fmt::Result {
    let cells: Vec<String> = FMRS.iter().map(|(_, fmr)| fnmr(scores.at_fmr(*fmr))).collect();
    writeln!(
        out,
        "| {name} | {} | {} | {} |",
        scores.genuine_pairs(),
        scores.impostor.total(),
        cells.join(" | ")
    )
}

fn fnmr(at: Option<AtFmr>) -> String {
    at.map_or_else(
        || "–".to_owned(),
        |at| {
            format!(
                "{}{} at {:.3}",
                rate(Some(at.fnmr)),
                if at.few_impostors { "\\*" } else { "" },
                at.threshold
            )
        },
    )
}

fn rate(rate: Option<Rate>) -> String {
    rate.map_or_else(
        || "–".to_owned(),
        |rate| {
            format!(
                "{:.2} % [{:.2}, {:.2}] ({} of {})",
                100.0 * rate.rate,
                100.0 * rate.low,
                100.0 * rate.high,
                rate.count,
                rate.of
            )
        },
    )
}
