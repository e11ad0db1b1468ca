//! The report as one picture: rates by category, by pixels per module and along sequences, and times.

use std::error::Error;
use std::path::Path;

use image::RgbImage;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use crate::report::{Rates, Report, Times, share};

const WIDTH: u32 = 1500;
const HEIGHT: u32 = 1840;
const FONT: &str = "gatepass";
/// Tells readers apart for most kinds of color blindness (Okabe and Ito).
const COLORS: [RGBColor; 7] = [
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(240, 198, 40),
    RGBColor(150, 150, 150),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
];

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Draws the report into a PNG.
pub fn draw(report: &Report, path: &Path) {
    // The only failure is a font that is none.
    let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    let mut picture = RgbImage::from_pixel(WIDTH, HEIGHT, image::Rgb([255; 3]));
    panels(report, &mut picture).expect("the picture is in memory");
    picture.save(path).expect("the folder takes files");
}

fn panels(report: &Report, picture: &mut RgbImage) -> Drawn {
    let root = BitMapBackend::with_buffer(picture, (WIDTH, HEIGHT)).into_drawing_area();
    let (legend, rest) = root.split_vertically(50);
    let mut left = 30;
    for (reader, color) in report.readers.iter().zip(COLORS) {
        legend.draw(&Rectangle::new([(left, 18), (left + 26, 38)], color.filled()))?;
        legend.draw(&Text::new(reader.clone(), (left + 34, 18), (FONT, 22)))?;
        left += 80 + 11 * reader.len() as i32;
    }
    let table = |title: &str| report.rates.iter().find(|table| table.title == title);
    let panels = rest.split_evenly((6, 1));
    let categories = table("Single frames by category");
    if let Some(categories) = categories {
        let half = categories.rows.len().div_ceil(2);
        let title = "single frames by category, % read";
        bars(&panels[0], title, &categories.rows[..half])?;
        bars(&panels[1], "", &categories.rows[half..])?;
    }
    let pairs = [
        ("Single frames by pixels per module", "single frames by pixels per module, % read"),
        ("Single frames by difficulty", "single frames by difficulty, % read"),
        ("Sequences, read in any of the first frames", "sequences, % read in any of the first frames"),
        (
            "Sequences by difficulty, read in any of the first 6",
            "sequences by difficulty, % read in six frames",
        ),
    ];
    for (row, pair) in pairs.chunks(2).enumerate() {
        let [left, right] = &panels[2 + row].split_evenly((1, 2))[..] else { continue };
        for (area, (name, title)) in [left, right].into_iter().zip(pair) {
            if let Some(Rates { rows, .. }) = table(name) {
                bars(area, title, rows)?;
            }
        }
    }
    if let Some(photographs) = table("Photographs by folder") {
        bars(&panels[4], "photographs by folder, % read", &photographs.rows)?;
    }
    times(&panels[5], &report.times)?;
    root.present()?;
    Ok(())
}

/// A group of bars for each row, from nought to a hundred.
fn bars(area: &Area<'_>, title: &str, rows: &[crate::report::Rate]) -> Drawn {
    let values: Vec<(String, Vec<f64>)> = rows
        .iter()
        .map(|row| {
            let name = row.name.trim_start_matches("difficulty ").replace("/qrcode-", " ");
            let cells = row.read.iter().map(|&read| 100.0 * share(read, row.count)).collect();
            (format!("{name} ({})", row.count), cells)
        })
        .collect();
    groups(area, title, &values, 0.0, (0..=4).map(|step| f64::from(step) * 25.0).collect(), |value| value)
}

/// Medians, on a logarithmic axis.
fn times(area: &Area<'_>, times: &[Times]) -> Drawn {
    let values: Vec<(String, Vec<f64>)> =
        times.iter().map(|row| (row.name.clone(), row.median.clone())).collect();
    let ticks = vec![0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];
    groups(area, "CPU milliseconds a frame, median", &values, 0.1f64.ln(), ticks, f64::ln)
}

fn groups(
    area: &Area<'_>,
    title: &str,
    values: &[(String, Vec<f64>)],
    least: f64,
    ticks: Vec<f64>,
    scale: impl Fn(f64) -> f64,
) -> Drawn {
    let most = ticks.last().copied().map_or(1.0, &scale);
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 22))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..values.len() as f64, least..most)?;
    let grey = RGBColor(205, 205, 205);
    let label = |anchor: Pos| (FONT, 15).into_text_style(area).pos(anchor);
    let plotting = chart.plotting_area().clone();
    for tick in ticks {
        let at = scale(tick);
        chart.draw_series([PathElement::new([(0.0, at), (values.len() as f64, at)], grey)])?;
        let (x, y) = plotting.map_coordinate(&(0.0, at));
        let (left, top) = area.get_base_pixel();
        area.draw(&Text::new(
            format!("{tick}"),
            (x - 6 - left, y - top),
            label(Pos::new(HPos::Right, VPos::Center)),
        ))?;
    }
    for (group, (name, cells)) in values.iter().enumerate() {
        let width = 0.84 / cells.len() as f64;
        for (reader, (value, color)) in cells.iter().zip(COLORS).enumerate() {
            let left = group as f64 + 0.08 + reader as f64 * width;
            let top = scale(*value).clamp(least, most);
            chart
                .draw_series([Rectangle::new([(left, least), (left + width * 0.92, top)], color.filled())])?;
        }
        let (x, y) = plotting.map_coordinate(&(group as f64 + 0.5, least));
        let (left, top) = area.get_base_pixel();
        area.draw(&Text::new(
            name.clone(),
            (x - left, y + 6 - top),
            label(Pos::new(HPos::Center, VPos::Top)),
        ))?;
    }
    Ok(())
}
