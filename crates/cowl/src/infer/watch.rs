//! What a person sees of a run while it goes on, and what remains of it layer by layer.

use std::time::{Duration, Instant};

use cowl_model::Graph;
use cowl_mpc::inference::{Observer, Progress};
use cowl_mpc::lowering::Forecast;

/// One layer, when it is done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayerDone {
    /// Its name in the model.
    pub(crate) name: String,
    /// Its operator in the model.
    pub(crate) operator: String,
    /// Bytes sent.
    pub(crate) sent: u64,
    /// Bytes received.
    pub(crate) received: u64,
    /// Messages that one waited for.
    pub(crate) rounds: u32,
    /// How long it has taken.
    pub(crate) took: Duration,
}

/// Sees a run go on.
pub(crate) struct Watch<'a> {
    show: Option<&'a mut dyn FnMut(&LayerDone)>,
    layers: Vec<LayerDone>,
    names: Vec<[String; 2]>,
    rounds: Vec<u32>,
    all_rounds: u32,
    /// Which layer is under way, and what had been sent and received before it.
    current: Option<(usize, [u64; 2])>,
    now: [u64; 2],
    step: usize,
    since: Instant,
}

impl<'a> Watch<'a> {
    /// Nobody looks; what each layer took is kept all the same.
    pub(crate) fn silent() -> Self {
        Self::with(None)
    }

    /// `show` is called when a layer is done.
    pub(crate) fn showing(show: &'a mut dyn FnMut(&LayerDone)) -> Self {
        Self::with(Some(show))
    }

    fn with(show: Option<&'a mut dyn FnMut(&LayerDone)>) -> Self {
        Self {
            show,
            layers: Vec::new(),
            names: Vec::new(),
            rounds: Vec::new(),
            all_rounds: 0,
            current: None,
            now: [0; 2],
            step: 0,
            since: Instant::now(),
        }
    }

    pub(super) fn begin(&mut self, graph: &Graph, forecast: &Forecast) {
        let name = |layer: &cowl_model::graph::Layer| [layer.name.clone(), layer.operator.clone()];
        self.names = graph.layers().iter().map(name).collect();
        self.all_rounds = forecast.rounds;
        self.rounds = forecast.steps.iter().map(|step| step.rounds).collect();
        self.since = Instant::now();
    }

    /// Rounds of the whole run.
    pub(super) fn all_rounds(&self) -> u32 {
        self.all_rounds
    }

    /// The layers of the run that has ended.
    pub(super) fn end(&mut self) -> Vec<LayerDone> {
        self.close();
        std::mem::take(&mut self.layers)
    }

    /// Ends the layer that is under way.
    fn close(&mut self) {
        let Some((_, before)) = self.current.take() else { return };
        let Some(done) = self.layers.last_mut() else { return };
        [done.sent, done.received] = [self.now[0] - before[0], self.now[1] - before[1]];
        if let Some(show) = &mut self.show {
            show(done);
        }
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, progress: &Progress) {
        let layer = progress.layer.index();
        if self.current.is_none_or(|(current, _)| current != layer) {
            self.close();
            self.current = Some((layer, self.now));
            let [name, operator] = self.names.get(layer).cloned().unwrap_or_default();
            let (sent, received, rounds, took) = (0, 0, 0, Duration::ZERO);
            self.layers.push(LayerDone { name, operator, sent, received, rounds, took });
        }
        self.now = [progress.sent, progress.received];
        // The forecast counts from the start of the run.
        let until =
            |step: Option<usize>| step.and_then(|step| self.rounds.get(step)).copied().unwrap_or_default();
        let rounds = until(Some(self.step)).saturating_sub(until(self.step.checked_sub(1)));
        self.step += 1;
        let (took, now) = (self.since.elapsed(), Instant::now());
        self.since = now;
        if let Some(done) = self.layers.last_mut() {
            done.rounds += rounds;
            done.took += took;
        }
    }
}
