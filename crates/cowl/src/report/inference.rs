//! The page of a run of a model: what was put in, what the other side saw of it, what each layer took, what came out,
//! who learnt what.

use std::time::Duration;

use super::bars::BarPlot;
use super::picture::Picture;
use super::{Learnt, PlotError, Report, Section, Sheet, figure};
use crate::size::Size;

/// A run of a model, ready to be put on a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct InferencePage {
    /// The model, as the caller calls it.
    pub(crate) model: String,
    /// Who brought the input, the weights and randomness.
    pub(crate) data_owner: String,
    /// See above.
    pub(crate) model_owner: String,
    /// See above.
    pub(crate) dealer: String,
    /// What was asked: names and their values.
    pub(crate) asked: Vec<(String, String)>,
    /// The input; at the data owner's alone.
    pub(crate) input: Vec<Picture>,
    /// The input as it went over the wire, from the masked numbers of this very run.
    pub(crate) masked: Vec<Picture>,
    /// The layers in their order.
    pub(crate) layers: Vec<LayerSpent>,
    /// What the whole run took: names and their values.
    pub(crate) spent: Vec<(String, String)>,
    /// What came out; `None` where this party does not receive it.
    pub(crate) outcome: Option<InferenceOutcome>,
    /// Who learnt what.
    pub(crate) learnt: Vec<Learnt>,
    /// What proves the run: names and their values.
    pub(crate) evidence: Vec<(String, String)>,
}

/// What a layer took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerSpent {
    pub(crate) name: String,
    pub(crate) operator: String,
    /// Bytes that this party sent.
    pub(crate) sent: u64,
    /// Bytes that it received.
    pub(crate) received: u64,
    pub(crate) time: Duration,
}

/// What came out of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum InferenceOutcome {
    /// Classes with their values; probabilities where all values were told.
    Classes(Vec<ClassFound>),
    /// A class for each place of the input.
    Segmentation {
        /// The classes drawn over the input, slice by slice.
        slices: Vec<Picture>,
        /// The classes: name, colour in RGB, and how many places have it.
        classes: Vec<(String, [u8; 3], u64)>,
    },
    /// Numbers of named outputs, in words.
    Values(Vec<(String, String)>),
}

/// One class of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassFound {
    pub(crate) name: String,
    /// As the model gives it; absent where the label alone was told.
    pub(crate) value: Option<f64>,
    /// Where the values of all classes were told.
    pub(crate) probability: Option<f64>,
}

impl InferencePage {
    /// The page.
    ///
    /// # Errors
    /// [`PlotError`].
    pub(crate) fn html(&self) -> Result<String, PlotError> {
        Ok(self.report()?.html())
    }

    fn report(&self) -> Result<Report, PlotError> {
        let mut sections = self.outcome_sections()?;
        sections.extend(self.picture_sections());
        sections.extend(self.layer_sections());
        Ok(Report {
            title: format!("What {} found", self.model),
            summary: format!(
                "{} brought the input and {} the weights; neither saw the other's. {} dealt randomness and saw neither.",
                self.data_owner, self.model_owner, self.dealer
            ),
            asked: self.asked.clone(),
            query: None,
            sections,
            learnt: self.learnt.clone(),
            evidence: self.evidence.clone(),
        })
    }

    fn outcome_sections(&self) -> Result<Vec<Section>, PlotError> {
        Ok(match &self.outcome {
            None => vec![Section::Text("The output went to the other party alone.".to_owned())],
            Some(InferenceOutcome::Classes(classes)) => of_classes(classes)?,
            Some(InferenceOutcome::Segmentation { slices, classes }) => of_segmentation(slices, classes),
            Some(InferenceOutcome::Values(values)) => {
                let rows = values.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
                let head = ["output", "value"].map(str::to_owned).to_vec();
                vec![Section::Sheet(Sheet { caption: String::new(), head, rows, texts: vec![0] })]
            }
        })
    }

    fn picture_sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if !self.input.is_empty() {
            sections.push(Section::Heading("The input, which never left its owner's machine".to_owned()));
            sections.push(Section::Pictures(self.input.clone()));
        }
        if !self.masked.is_empty() {
            sections.push(Section::Heading("The same as the other side saw it".to_owned()));
            sections.push(Section::Text(
                "These are the numbers of this run as they went over the wire: the input under a mask that was used once \
                 and that their receiver never had. Every picture of noise was equally likely, whatever the input."
                    .to_owned(),
            ));
            sections.push(Section::Pictures(self.masked.clone()));
        }
        sections
    }

    fn layer_sections(&self) -> Vec<Section> {
        if self.layers.is_empty() && self.spent.is_empty() {
            return Vec::new();
        }
        let mut sections = vec![Section::Heading("What it took".to_owned())];
        if !self.spent.is_empty() {
            let rows = self.spent.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
            let head = vec![String::new(), String::new()];
            sections.push(Section::Sheet(Sheet {
                caption: "The run".to_owned(),
                head,
                rows,
                texts: vec![0, 1],
            }));
        }
        let row = |layer: &LayerSpent| {
            vec![
                layer.name.clone(),
                layer.operator.clone(),
                Size(layer.sent).to_string(),
                Size(layer.received).to_string(),
                format!("{:.2} ms", layer.time.as_secs_f64() * 1e3),
            ]
        };
        if !self.layers.is_empty() {
            sections.push(Section::Sheet(Sheet {
                caption: "Layer by layer, at this party's machine".to_owned(),
                head: ["layer", "operator", "sent", "received", "time"].map(str::to_owned).to_vec(),
                rows: self.layers.iter().map(row).collect(),
                texts: vec![0, 1],
            }));
        }
        sections
    }
}

fn of_classes(classes: &[ClassFound]) -> Result<Vec<Section>, PlotError> {
    let mut sections = Vec::new();
    if let Some(best) = classes.first() {
        let sure = best.probability.map_or_else(String::new, |it| format!(", {:.1} %", it * 100.0));
        sections.push(Section::Heading(format!("{}{sure}", best.name)));
    }
    let bars: Vec<(String, f64)> =
        classes.iter().filter_map(|one| Some((one.name.clone(), one.probability?))).take(MOST_BARS).collect();
    if bars.is_empty() {
        let row = |one: &ClassFound| vec![one.name.clone(), one.value.map_or_else(String::new, figure)];
        let head = ["class", "value"].map(str::to_owned).to_vec();
        let rows = classes.iter().map(row).collect();
        let caption = "What was told; no other number of the output was".to_owned();
        sections.push(Section::Sheet(Sheet { caption, head, rows, texts: vec![0] }));
    } else {
        sections.push(Section::plot(&BarPlot { title: "Probabilities".to_owned(), bars })?);
    }
    Ok(sections)
}

fn of_segmentation(slices: &[Picture], classes: &[(String, [u8; 3], u64)]) -> Vec<Section> {
    let all: u64 = classes.iter().map(|(_, _, places)| places).sum();
    let row = |(name, colour, places): &(String, [u8; 3], u64)| {
        let share = *places as f64 / all.max(1) as f64 * 100.0;
        let [red, green, blue] = colour;
        vec![
            name.clone(),
            format!("#{red:02x}{green:02x}{blue:02x}"),
            places.to_string(),
            format!("{share:.1} %"),
        ]
    };
    let sheet = Sheet {
        caption: "Classes of all places".to_owned(),
        head: ["class", "colour", "places", "share"].map(str::to_owned).to_vec(),
        rows: classes.iter().map(row).collect(),
        texts: vec![0, 1],
    };
    let legend = Section::Swatches(classes.iter().map(|(name, colour, _)| (name.clone(), *colour)).collect());
    vec![Section::Pictures(slices.to_vec()), legend, Section::Sheet(sheet)]
}

/// Classes from the values of all of them: by probability, the likeliest first. Values that are probabilities already
/// are taken as they are; of others softmax makes them.
pub(crate) fn ranked(names: &[String], values: &[f64]) -> Vec<ClassFound> {
    let sum: f64 = values.iter().sum();
    let are_probabilities =
        (sum - 1.0).abs() < 0.02 && values.iter().all(|value| (-0.01..=1.01).contains(value));
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = values.iter().map(|value| (value - largest).exp()).collect();
    let total: f64 = powers.iter().sum();
    let found = |(place, (&value, power)): (usize, (&f64, &f64))| ClassFound {
        name: names.get(place).cloned().unwrap_or_else(|| format!("class {place}")),
        value: Some(value),
        probability: Some(if are_probabilities { value.clamp(0.0, 1.0) } else { power / total }),
    };
    let mut classes: Vec<ClassFound> = values.iter().zip(&powers).enumerate().map(found).collect();
    classes.sort_by(|one, other| other.probability.unwrap_or(0.0).total_cmp(&one.probability.unwrap_or(0.0)));
    classes
}

/// Bars that are drawn.
const MOST_BARS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(caption: &str) -> Picture {
        Picture::new(2, 2, vec![0x80; 12], caption).unwrap()
    }

    fn page(outcome: InferenceOutcome) -> InferencePage {
        InferencePage {
            model: "<model>".to_owned(),
            data_owner: "hospital".to_owned(),
            model_owner: "company".to_owned(),
            dealer: "dealer".to_owned(),
            input: vec![picture("slice <1>")],
            masked: vec![Picture::of_masked(&[1 << 31, 2 << 24, 0, 7 << 24, 9], 32, "noise").unwrap()],
            layers: vec![LayerSpent {
                name: "conv&1".to_owned(),
                operator: "Conv".to_owned(),
                sent: 1_048_576,
                received: 0,
                time: Duration::from_micros(1500),
            }],
            outcome: Some(outcome),
            ..InferencePage::default()
        }
    }

    #[test]
    fn a_page_holds_its_pictures_and_fetches_nothing() {
        let classes = ranked(&["grey".to_owned(), "white".to_owned()], &[1.0, 3.0]);
        let html = page(InferenceOutcome::Classes(classes)).html().unwrap();
        assert_eq!(html.matches("src=\"data:image/png;base64,").count(), 2);
        assert!(html.contains("default-src 'none'; img-src data:"), "nothing else is let in");
        let links = html.replace("http://www.w3.org/2000/svg", "").replace("src=\"data:", "");
        assert!(["http:", "https:", "src=", "url(", "@import"].iter().all(|way| !links.contains(way)));
        assert!(html.contains("1.0 MB") && html.contains("1.50 ms") && html.contains("white, 88.1 %"));
        assert!(!html.contains("<model>") && !html.contains("slice <1>") && html.contains("conv&amp;1"));
    }

    #[test]
    fn a_segmentation_shows_slices_and_a_legend() {
        let classes = vec![("grey".to_owned(), [1, 2, 255], 30), ("white".to_owned(), [0, 0, 0], 10)];
        let html =
            page(InferenceOutcome::Segmentation { slices: vec![picture("z 1")], classes }).html().unwrap();
        assert!(html.contains("#0102ff") && html.contains("75.0 %") && html.contains("z 1"));
    }

    #[test]
    fn probabilities_are_taken_as_they_are_and_others_made_of_values() {
        let given = ranked(&[], &[0.25, 0.75]);
        assert_eq!((given[0].name.as_str(), given[0].probability), ("class 1", Some(0.75)));
        let made = ranked(&[], &[2.0, 2.0]);
        assert_eq!(made[0].probability, Some(0.5));
    }

    #[test]
    fn a_picture_of_wrong_sizes_is_none() {
        assert!(Picture::new(2, 2, vec![0; 11], "").is_none() && Picture::new(0, 0, vec![], "").is_none());
        assert!(Picture::of_masked(&[], 32, "").is_none());
    }
}
