//! The detection error trade-off curve as a picture.

use std::path::Path;

use anyhow::{Context, Result};
use image::RgbImage;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use super::Evaluation;

const WIDTH: u32 = 1000;
const HEIGHT: u32 = 760;
const FONT: &str = "gatepass";
/// The ends of both axes.
const LEAST: f64 = 1e-5;

/// Draws FNMR over FMR, both logarithmic, of every way to carry the reference.
pub fn det_curve(evaluation: &Evaluation, path: &Path) -> Result<()> {
    // The only failure is a font that is none.
    let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    let mut picture = RgbImage::new(WIDTH, HEIGHT);
    draw(evaluation, &mut picture).context("drawing the curve")?;
    picture.save(path).with_context(|| format!("writing {}", path.display()))
}

fn draw(evaluation: &Evaluation, picture: &mut RgbImage) -> Result<()> {
    let root = BitMapBackend::with_buffer(picture, (WIDTH, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!(
        "{} models, {} genuine and {} impostor comparisons",
        evaluation.set,
        evaluation.template.genuine_pairs(),
        evaluation.template.impostor.total()
    );
    let mut chart = ChartBuilder::on(&root)
        .caption(title, (FONT, 24))
        .margin(20)
        .x_label_area_size(56)
        .y_label_area_size(76)
        .build_cartesian_2d((LEAST..1.0).log_scale(), (1e-4..1.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("false match rate (FMR)")
        .y_desc("false non-match rate (FNMR)")
        .axis_desc_style((FONT, 20))
        .label_style((FONT, 16))
        .x_label_formatter(&|rate| power(*rate))
        .y_label_formatter(&|rate| power(*rate))
        .draw()?;
    let mut curves = vec![("float embedding".to_owned(), &evaluation.float, RGBColor(150, 150, 150), 5)];
    let portraits = evaluation.portraits.iter().zip([
        RGBColor(230, 159, 0),
        RGBColor(213, 94, 0),
        RGBColor(204, 121, 167),
    ]);
    curves.extend(portraits.map(|((bytes, scores), colour)| {
        (format!("portrait, {bytes} bytes (first pictures)"), scores, colour, 2)
    }));
    curves.push((
        format!("template, {}", evaluation.algorithm),
        &evaluation.template,
        RGBColor(0, 114, 178),
        2,
    ));
    for (name, scores, colour, width) in curves {
        // A rate of nought has no place on a logarithmic axis; it is drawn at the end of it.
        let drawn = scores.curve().into_iter().filter(|(fmr, _)| *fmr > 0.0);
        let points = drawn.map(|(fmr, fnmr)| (fmr.max(LEAST), fnmr.max(1e-4)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(width)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(width)));
    }
    chart
        .configure_series_labels()
        .label_font((FONT, 17))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.4))
        .position(SeriesLabelPosition::UpperRight)
        .draw()?;
    root.present()?;
    Ok(())
}

fn power(rate: f64) -> String {
    if rate >= 0.01 { format!("{:.0} %", rate * 100.0) } else { format!("{} %", rate * 100.0) }
}
