//! Results on paper: a page with everything, and plots of coefficients.

use std::path::{Path, PathBuf};

use cowl_tables::result::QueryResult;
use cowl_vault::job::JobInfo;

use super::evidence::Proven;
use super::learns::Learns;
use crate::args::ResultArguments;
use crate::failure::{Failure, Result};
use crate::moment::Moment;
use crate::report::outcome::sections;
use crate::report::{CoefficientPlot, PlotError, Report, png, svg};
use crate::sink::{Readers, write_whole};
use crate::size::count;

/// Writes the page and the plots that are wanted.
///
/// # Errors
/// Files that cannot be written; a plot of a result without a regression.
pub(crate) fn write(
    result: &QueryResult,
    job: &JobInfo,
    learns: Option<&Learns>,
    proven: &Proven,
    arguments: &ResultArguments,
) -> Result<()> {
    if let Some(path) = &arguments.report {
        let learns = learns.ok_or_else(|| {
            Failure::no(
                "the table of this job is no longer there for you, so the page could not say what was asked",
            )
        })?;
        let page = report(result, job, learns, proven).map_err(|error| not_drawn(&error))?;
        write_whole(path, page.html().as_bytes(), Readers::Owner)?;
    }
    match &arguments.plot {
        Some(path) => plot(result, path),
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

fn report(
    result: &QueryResult,
    job: &JobInfo,
    learns: &Learns,
    proven: &Proven,
) -> std::result::Result<Report, PlotError> {
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
        sections: sections(result)?,
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

/// One file for a regression; of several, each has its number in its name.
fn plot(result: &QueryResult, path: &Path) -> Result<()> {
    let models: Vec<_> = result.regressions().map(|(_, model)| CoefficientPlot::of(model)).collect();
    if models.is_empty() {
        return Err(Failure::no("the answer has no regression whose coefficients could be drawn")
            .with_hint("the figures are there: cowl job show JOB"));
    }
    for (model, number) in models.iter().zip(1..) {
        let path = if models.len() == 1 { path.to_owned() } else { numbered(path, number) };
        let picture = match ending(&path) {
            "svg" => svg(model).map(String::into_bytes),
            _ => png(model),
        };
        write_whole(&path, &picture.map_err(|error| not_drawn(&error))?, Readers::Owner)?;
    }
    Ok(())
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{number}.{}", ending(path)))
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
        assert_eq!(numbered(Path::new("out/los.svg"), 2), Path::new("out/los-2.svg"));
        let arguments =
            |name: &str| ResultArguments { plot: Some(name.into()), ..ResultArguments::default() };
        assert!(check(&arguments("los.svg")).is_ok() && check(&arguments("los.png")).is_ok());
        assert!(check(&arguments("los.pdf")).is_err());
    }
}
