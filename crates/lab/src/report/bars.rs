//! Bars, each drawn as an SVG image that stretches to any width. The labels are HTML beside the bars, so that labels
//! keep their size on a small screen.

use std::fmt::Write;

use crate::estimate::Estimate;

/// The width of the drawing in its own units.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 24.0;

/// Bars below each other.
pub(super) struct Chart<'a> {
    pub(super) title: &'static str,
    pub(super) note: String,
    pub(super) rows: Vec<Row<'a>>,
}

/// A bar between its label and its value.
pub(super) struct Row<'a> {
    pub(super) label: &'a str,
    /// SVG.
    pub(super) bar: String,
    pub(super) value: String,
}

/// A part of a stacked bar.
pub(super) struct Part {
    /// From 0 to 1.
    pub(super) share: f64,
    /// The class of the part's colour.
    pub(super) colour: usize,
    /// What a pointer over the part shows.
    pub(super) title: String,
}

/// Parts one after the other.
pub(super) fn stacked(parts: &[Part]) -> String {
    let mut shapes = String::new();
    let mut left = 0.0;
    for Part { share, colour, title } in parts {
        let width = share * WIDTH;
        if width > 0.0 {
            rect(&mut shapes, &format!("c{colour}"), (left, 0.0), (width, HEIGHT), title);
        }
        left += width;
    }
    svg(&shapes)
}

/// A bar up to the mean. A thin line with two end marks shows the interval. `least` and `most` are the ends of the
/// scale.
pub(super) fn with_interval(estimate: &Estimate, least: f64, most: f64, title: &str) -> String {
    let at = |value: f64| if most > least { (value - least) / (most - least) * WIDTH } else { 0.0 };
    let (zero, mean) = (at(0.0_f64.max(least)), at(estimate.mean));
    let mut shapes = String::new();
    rect(&mut shapes, "bar", (zero.min(mean), 3.0), ((mean - zero).abs(), HEIGHT - 6.0), title);
    let (low, high) = (at(estimate.low), at(estimate.high));
    rect(&mut shapes, "whisker", (low, HEIGHT / 2.0 - 1.0), (high - low, 2.0), title);
    for end in [low, high] {
        rect(&mut shapes, "whisker", (end - 1.0, HEIGHT / 2.0 - 5.0), (2.0, 10.0), title);
    }
    svg(&shapes)
}

fn rect(shapes: &mut String, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), title: &str) {
    let title = escaped(title);
    // Writing to a text cannot fail.
    let _ = write!(
        shapes,
        r#"<rect class="{class}" x="{x:.2}" y="{y:.1}" width="{width:.2}" height="{height:.1}"><title>{title}</title></rect>"#
    );
}

fn svg(shapes: &str) -> String {
    format!(
        r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{shapes}</svg>"#
    )
}

/// The text as it is written in HTML and SVG.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_their_titles_are_escaped() {
        let part = |share, title: &str| Part { share, colour: 1, title: title.to_owned() };
        let svg = stacked(&[part(0.25, "<b>"), part(0.0, "left out"), part(0.5, "b")]);
        assert!(svg.contains(r#"x="0.00" y="0.0" width="250.00""#) && svg.contains("&lt;b&gt;"), "{svg}");
        assert!(svg.contains(r#"x="250.00" y="0.0" width="500.00""#) && !svg.contains("left out"), "{svg}");
    }

    #[test]
    fn a_negative_bar_ends_at_zero() {
        let svg = with_interval(&Estimate { mean: -10.0, low: -15.0, high: -5.0 }, -50.0, 50.0, "");
        assert!(svg.contains(r#"x="400.00" y="3.0" width="100.00""#), "{svg}");
    }
}
