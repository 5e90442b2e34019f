//! Results on paper: a page with everything, and plots of coefficients.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use cowl_tables::result::QueryResult;
use cowl_vault::job::JobInfo;

use super::evidence::Proven;
use super::learns::Learns;
use crate::args::ResultArguments;
use crate::failure::{Failure, Result};
use crate::moment::Moment;
use crate::report::outcome::sections;
use crate::report::{CoefficientPlot, Plot, PlotError, Report, ResidualPlot, Section, png, svg};
use crate::sink::{Readers, write_whole};
use crate::size::count;

/// What goes onto paper.
pub(crate) struct Paper<'a> {
    pub(crate) result: &'a QueryResult,
    pub(crate) job: &'a JobInfo,
    pub(crate) learns: Option<&'a Learns>,
    pub(crate) proven: &'a Proven,
    /// One for each regression, or none: they are for whoever owns the rows.
    pub(crate) residuals: &'a [ResidualPlot],
}

/// Writes the page and the plots that are wanted.
///
/// # Errors
/// Files that cannot be written; a plot of a result without a regression.
pub(crate) fn write(paper: &Paper<'_>, arguments: &ResultArguments) -> Result<()> {
    if let Some(path) = &arguments.report {
        let learns = paper.learns.ok_or_else(|| {
            Failure::no(
                "the table of this job is no longer there for you, so the page could not say what was asked",
            )
        })?;
        let page = report(paper, learns).map_err(|error| not_drawn(&error))?;
        write_whole(path, page.html().as_bytes(), Readers::Owner)?;
    }
    match &arguments.plot {
        Some(path) => plot(paper, path),
        None => Ok(()),
    }
}

/// Checks before anything is asked that what will come can be drawn.
///
/// # Errors
/// A kind of picture that is not known.
pub(crate) fn check(arguments: &ResultArguments) -> Result<()> {
    match &arguments.plot {
        Some(path) if !matches!(ending(path), "png" | "svg") => {
            Err(Failure::usage(format!("{}: plots are PNG or SVG", path.display()))
                .with_hint("let the name end in .png or .svg"))
        }
        _ => Ok(()),
    }
}

fn report(paper: &Paper<'_>, learns: &Learns) -> std::result::Result<Report, PlotError> {
    let Paper { result, job, proven, .. } = paper;
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let rows = count(proven.proof.rows, "row");
    Ok(Report {
        title: format!("What {} let be known", job.owner),
        summary: format!(
            "Figures over {rows} that {} never saw; nor did the cloud that added them.",
            job.asker
        ),
        asked: vec![
            pair("by", job.asker.to_string()),
            pair("of", job.owner.to_string()),
            pair("at", Moment::from(job.asked_at).to_string()),
            pair("fewest rows of a figure", job.minimum_cohort.to_string()),
        ],
        query: Some(learns.question().to_owned()),
        sections: [sections(result)?, left_over(paper)?].concat(),
        learnt: learns.learnt(),
        evidence: vec![
            pair("job", job.job.to_string()),
            pair("signed by", job.owner.to_string()),
            pair("settled", Moment::from(proven.evidence.settled_at).to_string()),
            pair("evidence", proven.attested.evidence().to_string()),
            pair("question", proven.proof.query.to_string()),
            pair("row tags that fitted", proven.proof.tags.to_string()),
        ],
    })
}

/// The residuals, where they are to be had.
fn left_over(paper: &Paper<'_>) -> std::result::Result<Vec<Section>, PlotError> {
    if paper.residuals.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("Made on the machine of {}, from cells that nobody else can read.", paper.job.owner);
    let mut sections = vec![Section::Heading("Residuals".to_owned()), Section::Text(text)];
    for plot in paper.residuals {
        sections.push(Section::plot(plot)?);
    }
    Ok(sections)
}

/// One file for a regression; of several, each has its number in its name.
fn plot(paper: &Paper<'_>, path: &Path) -> Result<()> {
    let models: Vec<_> = paper.result.regressions().map(|(_, model)| CoefficientPlot::of(model)).collect();
    if models.is_empty() {
        return Err(Failure::no("the answer has no regression whose coefficients could be drawn")
            .with_hint("the figures are there: cowl job show JOB"));
    }
    let path_of = |number: usize| if models.len() == 1 { path.to_owned() } else { suffixed(path, number) };
    for (model, number) in models.iter().zip(1..) {
        draw(model, &path_of(number))?;
    }
    for (residuals, number) in paper.residuals.iter().zip(1..) {
        draw(residuals, &suffixed(&path_of(number), "residuals"))?;
    }
    Ok(())
}

fn draw(plot: &impl Plot, path: &Path) -> Result<()> {
    let picture = match ending(path) {
        "svg" => svg(plot).map(String::into_bytes),
        _ => png(plot),
    };
    write_whole(path, &picture.map_err(|error| not_drawn(&error))?, Readers::Owner)
}

fn suffixed(path: &Path, suffix: impl Display) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{suffix}.{}", ending(path)))
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}

fn not_drawn(error: &PlotError) -> Failure {
    Failure::no(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_of_several_groups_have_numbers() {
        assert_eq!(suffixed(Path::new("out/los.svg"), 2), Path::new("out/los-2.svg"));
        let arguments =
            |name: &str| ResultArguments { plot: Some(name.into()), ..ResultArguments::default() };
        assert!(check(&arguments("los.svg")).is_ok() && check(&arguments("los.png")).is_ok());
        assert!(check(&arguments("los.pdf")).is_err());
    }
}
