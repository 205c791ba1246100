//! Charts as SVG files: bars for costs, curves for scaling.

use anyhow::Context as _;
use plotters::prelude::*;
use std::path::{Path, PathBuf};

const SIZE: (u32, u32) = (760, 420);

/// What one chart shows.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// The name of its file, without `.svg`.
    name: &'static str,
    title: &'static str,
    shown: Shown,
}

#[derive(Clone, Debug)]
enum Shown {
    Bars { unit: &'static str, bars: Vec<(String, f64)> },
    Curves { x: &'static str, y: &'static str, curves: Vec<(String, Vec<(f64, f64)>)> },
}

impl Chart {
    /// One bar for each name.
    pub(super) fn bars(
        name: &'static str,
        title: &'static str,
        unit: &'static str,
        bars: Vec<(String, f64)>,
    ) -> Self {
        Self { name, title, shown: Shown::Bars { unit, bars } }
    }

    /// One curve for each name.
    pub(super) fn curves(
        name: &'static str,
        title: &'static str,
        x: &'static str,
        y: &'static str,
        curves: Vec<(String, Vec<(f64, f64)>)>,
    ) -> Self {
        Self { name, title, shown: Shown::Curves { x, y, curves } }
    }

    /// Writes the chart into a folder, and returns the path of the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let path = folder.join(format!("{}.svg", self.name));
        let mut svg = String::new();
        let drawn = match &self.shown {
            Shown::Bars { unit, bars } => draw_bars(&mut svg, self.title, unit, bars),
            Shown::Curves { x, y, curves } => draw_curves(&mut svg, self.title, [x, y], curves),
        };
        drawn.map_err(|error| anyhow::anyhow!("cannot draw {}: {error}", self.name))?;
        std::fs::write(&path, svg).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Horizontal bars on a logarithmic axis: costs differ by orders of magnitude.
fn draw_bars(svg: &mut String, title: &str, unit: &str, bars: &[(String, f64)]) -> Drawn {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let lowest = bars.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min).max(1e-3);
    let highest = bars.iter().map(|(_, value)| *value).fold(lowest, f64::max);
    let floor = 10_f64.powf(lowest.log10().floor());
    let ceiling = 10_f64.powf((highest * 2.0).log10().ceil());
    #[expect(clippy::cast_precision_loss, reason = "a few bars")]
    let rows = bars.len() as f64;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 22))
        .margin(14)
        .x_label_area_size(46)
        .build_cartesian_2d((floor..ceiling).log_scale(), 0.0..rows)?;
    chart.configure_mesh().disable_y_mesh().disable_y_axis().x_desc(unit).x_labels(6).draw()?;
    let mut top = rows;
    for (place, (name, value)) in bars.iter().enumerate() {
        let colour = Palette99::pick(place).mix(0.45);
        chart.draw_series([Rectangle::new(
            [(floor, top - 0.9), (value.max(floor), top - 0.2)],
            colour.filled(),
        )])?;
        let label = format!("{name}: {value:.1}");
        chart.draw_series([Text::new(label, (floor * 1.06, top - 0.42), ("sans-serif", 15))])?;
        top -= 1.0;
    }
    area.present()?;
    Ok(())
}

fn draw_curves(
    svg: &mut String,
    title: &str,
    axes: [&str; 2],
    curves: &[(String, Vec<(f64, f64)>)],
) -> Drawn {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let points = || curves.iter().flat_map(|(_, points)| points);
    let right = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let high = points().map(|(_, y)| *y).fold(1.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 22))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..right * 1.02, 0.0..high)?;
    chart.configure_mesh().light_line_style(WHITE).x_desc(axes[0]).y_desc(axes[1]).draw()?;
    for (place, (name, points)) in curves.iter().enumerate() {
        let colour = Palette99::pick(place).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.4))
        .label_font(("sans-serif", 15))
        .draw()?;
    area.present()?;
    Ok(())
}
