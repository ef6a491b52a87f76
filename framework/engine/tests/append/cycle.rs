//! Cycles in the graph: what cannot have happened one at a time.

use std::collections::VecDeque;

use crate::graph::{Edge, Graph, Kind};

/// Transactions each of which comes before the next, and the last before the first.
#[derive(Debug)]
pub(crate) struct Cycle {
    /// Each transaction, with the edge to the next.
    pub(crate) steps: Vec<(usize, Edge)>,
}

impl Cycle {
    /// The name of the anomaly, as in A. Adya, B. Liskov, P. O'Neil, "Generalized Isolation Level Definitions",
    /// ICDE 2000, with Elle's suffix when it takes the real time to see it.
    pub(crate) fn name(&self) -> &'static str {
        let of_kind = |kind| self.steps.iter().filter(|(_, edge)| edge.why.kind() == kind).count();
        let is_by_time = of_kind(Kind::RealTime) > 0;
        match (of_kind(Kind::ReadWrite), of_kind(Kind::WriteRead), is_by_time) {
            (0, 0, false) => "G0",
            (0, 0, true) => "G0-realtime",
            (0, _, false) => "G1c",
            (0, _, true) => "G1c-realtime",
            (1, _, false) => "G-single",
            (1, _, true) => "G-single-realtime",
            (_, _, false) => "G2",
            (_, _, true) => "G2-realtime",
        }
    }
}

/// One short cycle from each knot of the graph, along edges of these kinds only.
pub(crate) fn find(graph: &Graph, kinds: &[Kind]) -> Vec<Cycle> {
    let knots = components(graph, kinds).into_iter().filter(|component| component.len() > 1);
    knots.filter_map(|knot| short_cycle(graph, kinds, &knot)).collect()
}

/// The strongly connected components: R. Tarjan, "Depth-First Search and Linear Graph Algorithms", SIAM Journal
/// on Computing 1(2), 1972. With a stack of its own: histories are long.
fn components(graph: &Graph, kinds: &[Kind]) -> Vec<Vec<usize>> {
    let mut search = Search {
        graph,
        kinds,
        numbers: vec![None; graph.len()],
        lowest: vec![0; graph.len()],
        is_open: vec![false; graph.len()],
        open: Vec::new(),
        visited: 0,
        components: Vec::new(),
    };
    for node in 0..graph.len() {
        if search.numbers[node].is_none() {
            search.explore(node);
        }
    }
    search.components
}

struct Search<'g> {
    graph: &'g Graph,
    kinds: &'g [Kind],
    /// In which order the nodes were met.
    numbers: Vec<Option<usize>>,
    /// The lowest number of an open node known to be reachable.
    lowest: Vec<usize>,
    is_open: Vec<bool>,
    /// The nodes whose component is not complete yet.
    open: Vec<usize>,
    visited: usize,
    components: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn explore(&mut self, root: usize) {
        self.enter(root);
        // Each node on the way down, with how many of its edges have been followed.
        let mut path = vec![(root, 0)];
        while let Some((node, followed)) = path.last_mut() {
            let node = *node;
            if let Some(edge) = self.graph.edges(node).get(*followed) {
                *followed += 1;
                if !self.kinds.contains(&edge.why.kind()) {
                    continue;
                }
                match self.numbers[edge.to] {
                    None => {
                        self.enter(edge.to);
                        path.push((edge.to, 0));
                    }
                    Some(number) if self.is_open[edge.to] => {
                        self.lowest[node] = self.lowest[node].min(number);
                    }
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            if let Some((above, _)) = path.last() {
                self.lowest[*above] = self.lowest[*above].min(self.lowest[node]);
            }
            if self.numbers[node] == Some(self.lowest[node]) {
                self.close(node);
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.numbers[node] = Some(self.visited);
        self.lowest[node] = self.visited;
        self.visited += 1;
        self.is_open[node] = true;
        self.open.push(node);
    }

    /// All that is open above `first` is one component with it.
    fn close(&mut self, first: usize) {
        let start = self.open.iter().rposition(|node| *node == first).unwrap_or_default();
        let component = self.open.split_off(start);
        component.iter().for_each(|node| self.is_open[*node] = false);
        self.components.push(component);
    }
}

/// The shortest cycle through any of a component's first nodes.
fn short_cycle(graph: &Graph, kinds: &[Kind], component: &[usize]) -> Option<Cycle> {
    let mut is_inside = vec![false; graph.len()];
    component.iter().for_each(|node| is_inside[*node] = true);
    let mut shortest: Option<Cycle> = None;
    for start in component.iter().take(STARTS_MAX) {
        let cycle = shortest_through(graph, kinds, &is_inside, *start);
        shortest = [shortest, cycle].into_iter().flatten().min_by_key(|cycle| cycle.steps.len());
        if shortest.as_ref().is_some_and(|cycle| cycle.steps.len() == 2) {
            // There is none shorter.
            break;
        }
    }
    shortest
}

/// A shortest cycle through `start`, by breadth-first search.
fn shortest_through(
    graph: &Graph,
    kinds: &[Kind],
    is_inside: &[bool],
    start: usize,
) -> Option<Cycle> {
    let mut came_by: Vec<Option<(usize, Edge)>> = vec![None; graph.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        let edges = graph.edges(node).iter();
        for edge in edges.filter(|edge| kinds.contains(&edge.why.kind()) && is_inside[edge.to]) {
            if came_by[edge.to].is_some() {
                continue;
            }
            came_by[edge.to] = Some((node, *edge));
            if edge.to == start {
                return Some(Cycle { steps: way_back(&came_by, start) });
            }
            queue.push_back(edge.to);
        }
    }
    None
}

/// The steps that led from `start` to itself, first to last.
fn way_back(came_by: &[Option<(usize, Edge)>], start: usize) -> Vec<(usize, Edge)> {
    let mut steps = Vec::new();
    let mut node = start;
    while let Some((before, edge)) = came_by[node] {
        steps.push((before, edge));
        node = before;
        if node == start {
            break;
        }
    }
    steps.reverse();
    steps
}

/// From how many nodes a short cycle is looked for. A search from each of them would take the square of the
/// length of a history in which everything is one knot, and a person needs a short cycle, not the shortest.
const STARTS_MAX: usize = 32;
