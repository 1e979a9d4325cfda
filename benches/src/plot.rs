//! Draws the cost of a request against the size of the store.

use anyhow::anyhow;
use plotters::{
    chart::{ChartBuilder, SeriesLabelPosition},
    coord::combinators::IntoLogRange,
    element::{Circle, PathElement},
    prelude::{DrawingBackend, IntoDrawingArea, SVGBackend},
    series::LineSeries,
    style::{Color, RGBColor, ShapeStyle, WHITE},
};

use crate::{
    results::{Backend, Measured, Results, Run, grouped},
    scope::CLICKERS,
};

const WIDTH_AND_HEIGHT: (u32, u32) = (800, 480);
/// Space above the greatest value, as a factor, for the legend.
const HEADROOM: f64 = 1.4;
/// Colours that can be told apart with red-green colour blindness.
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 90, 160), RGBColor(86, 180, 233), RGBColor(190, 70, 0), RGBColor(240, 170, 40)];

/// A line of the plot.
#[derive(Debug, PartialEq)]
struct Line {
    name: String,
    /// The number of participations, and the microseconds per request.
    points: Vec<(f64, f64)>,
}

/// The lines with more than one point.
fn lines(results: &Results) -> Vec<Line> {
    let mut lines = Vec::new();
    for backend in Backend::ALL {
        let data = |size| Measured::Data { size, backend };
        let clicks = |size| Measured::Clicks { size, connections: CLICKERS, backend };
        lines.push(Line { name: format!("what is on screen, {backend}"), points: points(results, data) });
        lines.push(Line { name: format!("click, {backend}"), points: points(results, clicks) });
    }
    lines.retain(|line| line.points.len() > 1);
    lines
}

fn points(results: &Results, measured: impl Fn(u32) -> Measured) -> Vec<(f64, f64)> {
    let sizes = results.runs.keys().filter_map(|known| match known {
        Measured::Data { size, .. } | Measured::Clicks { size, .. } if *known == measured(*size) => {
            Some(*size)
        }
        _ => None,
    });
    let point = |size| Some((f64::from(size), results.median(measured(size), Run::micros_each)?));
    sizes.filter_map(point).collect()
}

/// The plot as SVG; `None` if fewer than two sizes were measured.
///
/// # Errors
/// If it cannot be drawn.
pub(crate) fn draw(results: &Results) -> anyhow::Result<Option<String>> {
    let lines = lines(results);
    let all = || lines.iter().flat_map(|line| &line.points);
    let (Some(least), Some(greatest)) =
        (all().map(|(size, _)| *size).reduce(f64::min), all().map(|(size, _)| *size).reduce(f64::max))
    else {
        return Ok(None);
    };
    let highest = all().map(|(_, micros)| *micros).fold(0.0, f64::max) * HEADROOM;
    let mut svg = String::new();
    {
        let backend = SVGBackend::with_string(&mut svg, WIDTH_AND_HEIGHT);
        draw_on(backend, &lines, (least, greatest), highest).map_err(|error| anyhow!("the plot: {error}"))?;
    }
    Ok(Some(svg))
}

/// A label of the axis, without decimals if the value is whole.
fn micros_label(micros: f64) -> String {
    if (micros - micros.round()).abs() < 1e-6 { grouped(micros.round()) } else { format!("{micros:.1}") }
}

fn draw_on<B: DrawingBackend>(
    backend: B,
    lines: &[Line],
    sizes: (f64, f64),
    highest: f64,
) -> Result<(), plotters::drawing::DrawingAreaErrorKind<B::ErrorType>> {
    let area = backend.into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Cost of a request against the size of the store", ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        // A margin on both sides, so that no point lies on the frame.
        .build_cartesian_2d(((sizes.0 / 1.5)..(sizes.1 * 1.5)).log_scale(), 0.0..highest)?;
    chart
        .configure_mesh()
        .x_desc("participations in the store (logarithmic)")
        .y_desc("microseconds per request")
        .x_label_formatter(&|size| grouped(size.round()))
        .y_label_formatter(&|micros| micros_label(*micros))
        .light_line_style(WHITE)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 14))
        .draw()?;
    for (line, colour) in lines.iter().zip(COLOURS) {
        let style = ShapeStyle::from(&colour).stroke_width(2);
        let series = LineSeries::new(line.points.iter().copied(), style).point_size(4);
        chart
            .draw_series(series)?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 4, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(160, 160, 160))
        .label_font(("sans-serif", 13))
        .draw()?;
    area.present()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(sizes: &[u32]) -> Results {
        let mut results = Results::default();
        for &size in sizes {
            let run = Run { per_second: 1e9 / f64::from(size), ..Run::default() };
            results.runs.insert(Measured::Data { size, backend: Backend::Sqlite }, vec![run]);
            results
                .runs
                .insert(Measured::Clicks { size, connections: 64, backend: Backend::Sqlite }, vec![run]);
        }
        results
    }

    #[test]
    fn a_line_goes_through_the_sizes_of_one_thing_on_one_store() {
        let lines = lines(&results(&[1_000, 100_000]));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0].name, "what is on screen, SQLite");
        assert_eq!(lines[0].points, [(1_000.0, 1.0), (100_000.0, 100.0)]);
    }

    #[test]
    fn the_axes_say_what_they_show_and_one_size_makes_no_plot() {
        let svg = draw(&results(&[1_000, 1_000_000])).unwrap().unwrap();
        for text in [
            "microseconds per request",
            "participations in the store",
            "1,000,000",
            "what is on screen, SQLite",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(draw(&results(&[1_000])).unwrap(), None);
    }
}
