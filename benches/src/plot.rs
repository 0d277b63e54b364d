//! Plots of lines, as SVG files.

use crate::failure::Failure;
use plotters::coord::Shift;
use plotters::prelude::{
    ChartBuilder, Color, DrawingArea, IntoDrawingArea, LineSeries, PathElement, RGBColor,
    SVGBackend, SeriesLabelPosition, WHITE,
};
use std::error::Error;
use std::path::Path;

/// Width and height, in pixels.
const SIZE: (u32, u32) = (900, 480);
/// Colours that people who see few colours tell apart (Okabe and Ito, 2008), grey, and four others
/// for plots with more lines.
const COLOURS: [RGBColor; 12] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
    RGBColor(150, 150, 150),
    RGBColor(110, 60, 20),
    RGBColor(100, 60, 170),
    RGBColor(150, 190, 0),
    RGBColor(255, 120, 120),
];
const FONT: &str = "sans-serif";

/// What a plot is called, and what its axes mean.
#[derive(Clone, Copy, Debug)]
pub struct Plot<'a> {
    /// Above the plot.
    pub title: &'a str,
    /// Below the horizontal axis, with its unit.
    pub x: &'a str,
    /// Beside the vertical axis, with its unit.
    pub y: &'a str,
    /// From where to where the vertical axis goes, if not from 0 to above the highest point.
    pub y_range: Option<(f64, f64)>,
    /// Whether the horizontal axis is in powers of ten.
    pub is_logarithmic: bool,
}

/// A line of a plot.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// What it is.
    pub name: &'a str,
    /// Its points, in ascending order of the first number.
    pub points: Vec<(f64, f64)>,
}

impl Plot<'_> {
    /// Draws lines into a new file, in place of one that is there.
    ///
    /// # Errors
    ///
    /// [`Failure::Plot`] if there is no point, or if the file cannot be written.
    pub fn write(&self, path: &Path, lines: &[Line<'_>]) -> Result<(), Failure> {
        let failed = |source: Box<dyn Error>| Failure::Plot {
            path: path.to_owned(),
            reason: source.to_string(),
        };
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        self.draw(&area, lines).map_err(failed)
    }

    fn draw(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        lines: &[Line<'_>],
    ) -> Result<(), Box<dyn Error>> {
        let place = |x: f64| if self.is_logarithmic { x.log10() } else { x };
        let points = || lines.iter().flat_map(|line| &line.points);
        let least = points().map(|point| place(point.0)).fold(f64::INFINITY, f64::min);
        let most = points().map(|point| place(point.0)).fold(f64::NEG_INFINITY, f64::max);
        let highest = points().map(|point| point.1).fold(0.0, f64::max) * 1.25;
        let (low, high) = self.y_range.unwrap_or((0.0, highest));
        if !(least.is_finite() && most.is_finite() && low < high) {
            return Err("there is nothing to draw".into());
        }
        area.fill(&WHITE).map_err(told)?;
        let mut builder = ChartBuilder::on(area);
        builder.caption(self.title, (FONT, 20)).margin(16);
        builder.x_label_area_size(48).y_label_area_size(72);
        let chart = builder.build_cartesian_2d(least..most, low..high);
        let mut chart = chart.map_err(told)?;
        let label = |x: &f64| short(if self.is_logarithmic { 10_f64.powf(*x) } else { *x });
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.x).y_desc(self.y).x_label_formatter(&label).x_labels(6);
        mesh.light_line_style(WHITE).label_style((FONT, 14)).axis_desc_style((FONT, 15));
        mesh.draw().map_err(told)?;
        for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
            let points = line.points.iter().map(|point| (place(point.0), point.1));
            let series = LineSeries::new(points, colour.stroke_width(2));
            let drawn = chart.draw_series(series).map_err(told)?;
            drawn
                .label(line.name)
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        let mut labels = chart.configure_series_labels();
        // Where a range is given it is that of recall, which is high: what is below is free.
        labels.position(match self.y_range {
            Some(_) => SeriesLabelPosition::LowerRight,
            None => SeriesLabelPosition::UpperLeft,
        });
        labels.label_font((FONT, 14));
        labels.background_style(WHITE.mix(0.8)).draw().map_err(told)?;
        area.present().map_err(told)
    }
}

/// What a drawing library says.
fn told(error: impl Error) -> Box<dyn Error> {
    error.to_string().into()
}

/// A number with the unit of a thousand or a million.
fn short(number: f64) -> String {
    match number {
        million if million >= 1e6 => format!("{:.0} M", million / 1e6),
        thousand if thousand >= 1e3 => format!("{:.0} k", thousand / 1e3),
        small => format!("{small:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const PLOT: Plot<'_> =
        Plot { title: "cost", x: "instruments", y: "ns", y_range: None, is_logarithmic: true };

    #[test]
    fn lines_are_drawn_with_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plot.svg");
        let lines = [
            Line { name: "one", points: vec![(1.0, 3.0), (100_000.0, 5.0)] },
            Line { name: "other", points: vec![(1.0, 1.0), (100_000.0, 2.0)] },
        ];
        for is_logarithmic in [false, true] {
            Plot { is_logarithmic, ..PLOT }.write(&path, &lines).unwrap();
            let drawn = fs::read_to_string(&path).unwrap();
            for text in ["<svg", "cost", "instruments", "one", "other", "100 k"] {
                assert!(drawn.contains(text), "{text} in {drawn}");
            }
            assert!(drawn.matches("<polyline").count() >= 2);
        }
    }

    #[test]
    fn a_plot_without_points_or_a_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plot.svg");
        let empty = [Line { name: "none", points: Vec::new() }];
        assert!(PLOT.write(&path, &empty).unwrap_err().to_string().contains("nothing to draw"));
        let lines = [Line { name: "one", points: vec![(1.0, 3.0), (10.0, 5.0)] }];
        let nowhere = folder.path().join("none/plot.svg");
        assert!(PLOT.write(&nowhere, &lines).unwrap_err().to_string().contains("none/plot.svg"));
    }
}
