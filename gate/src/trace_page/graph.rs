//! The block graph as nodes and edges: where each stands that is there at any time of the execution.
//!
//! Nodes keep their places while one steps through the rows; the page only hides what is not there yet or no more. A parent
//! stands above its children where edges allow it: the layer of a node is the longest way to it from the top. Edges of
//! different times may close a ring; then a node stands as deep as there are nodes, at most.

use std::collections::{BTreeMap, BTreeSet};

use graphlock_harness::trace::{Topic, Trace};
use maud::{Markup, html};

use super::layout::CHARACTER;

const NODE_HEIGHT: usize = 38;
const LAYER: usize = 84;
const BETWEEN: usize = 18;

/// How far an edge goes aside that passes a layer.
const ASIDE: usize = 70;

/// The middle of a node's top edge, and its width.
type Place = (usize, usize, usize);

/// All that a graph ever was.
#[derive(Debug, Default)]
struct Graph<'a> {
    nodes: BTreeSet<&'a str>,
    /// Parent, the edge's name and the child.
    edges: BTreeSet<(&'a str, &'a str, &'a str)>,
}

impl<'a> Graph<'a> {
    fn of(trace: &'a Trace) -> Self {
        let mut graph = Graph::default();
        for change in trace.rows.iter().flat_map(|row| &row.changes) {
            match change.topic {
                Topic::Node => {
                    graph.nodes.insert(&change.name);
                }
                Topic::Edge if !change.value.is_empty() => {
                    let (parent, name) = change.name.rsplit_once('.').unwrap_or((&change.name, ""));
                    graph.nodes.extend([parent, &change.value]);
                    graph.edges.insert((parent, name, &change.value));
                }
                _ => {}
            }
        }
        graph
    }

    /// The layer of each node, from the top.
    fn layers(&self) -> BTreeMap<&'a str, usize> {
        let mut layers: BTreeMap<&str, usize> = self.nodes.iter().map(|node| (*node, 0)).collect();
        // As often as a way can be long: a ring must come to an end.
        for _ in 1..self.nodes.len() {
            for (parent, _, child) in &self.edges {
                let below = (layers[parent] + 1).min(self.nodes.len() - 1);
                layers.entry(child).and_modify(|layer| *layer = below.max(*layer));
            }
        }
        layers
    }

    /// The places of all nodes, and the size of all.
    fn places(&self) -> (BTreeMap<&'a str, Place>, usize, usize) {
        let mut rows: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (node, layer) in self.layers() {
            rows.entry(layer).or_default().push(node);
        }
        let width =
            |node: &str| (((node.chars().count() as f32) * CHARACTER) as usize + 24).max(72);
        let row_width =
            |row: &Vec<&str>| row.iter().map(|node| width(node) + BETWEEN).sum::<usize>();
        let all = rows.values().map(row_width).max().unwrap_or(0);
        // Place for edges that go aside, if a layer can be passed.
        let margin = if rows.len() > 2 { ASIDE } else { 20 };
        let all = all + 2 * margin;
        let mut places = BTreeMap::new();
        for (line, (_, row)) in rows.iter().enumerate() {
            let mut x = (all - row_width(row)) / 2 + BETWEEN / 2;
            for node in row {
                places.insert(*node, (x + width(node) / 2, 2 + line * LAYER, width(node)));
                x += width(node) + BETWEEN;
            }
        }
        let height = rows.len().saturating_sub(1) * LAYER + NODE_HEIGHT + 4;
        (places, all, height)
    }
}

/// The path from a parent to a child, and where its name stands. One that passes a layer bends around it, on the side of
/// the child.
fn curve((x, top, _): Place, (to_x, to_y, _): Place) -> (String, (usize, usize)) {
    let y = top + NODE_HEIGHT;
    let end = to_y.saturating_sub(2);
    let (out, back, reach) = if end <= y + LAYER {
        (x, to_x, 24)
    } else if to_x < x {
        let aside = to_x.saturating_sub(ASIDE);
        (aside, aside, 60)
    } else {
        (to_x + ASIDE, to_x + ASIDE, 60)
    };
    let (down, up) = (y + reach, end.saturating_sub(reach));
    let path = format!("M{x} {y}C{out} {down} {back} {up} {to_x} {end}");
    (path, ((x + 3 * out + 3 * back + to_x) / 8 + 6, (y + end) / 2 + 4))
}

/// The drawing; none if there is no graph. Each node and each edge is hidden until the page shows it.
pub(super) fn drawing(trace: &Trace) -> Option<Markup> {
    let graph = Graph::of(trace);
    if graph.nodes.is_empty() {
        return None;
    }
    let (places, width, height) = graph.places();
    Some(html! {
        svg #graph viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) role="img" aria-label="The block graph" {
            @for (parent, name, child) in &graph.edges {
                @let (path, (x, y)) = curve(places[parent], places[child]);
                g.edge data-edge=(format!("{parent}.{name}")) data-child=(child) display="none" {
                    path d=(path) marker-end="url(#head-edge)" {}
                    text x=(x) y=(y) { (name) }
                }
            }
            @for (node, (x, y, width)) in &places {
                g.node data-node=(node) display="none" {
                    rect x=(x - width / 2) y=(y) width=(width) height=(NODE_HEIGHT) rx="6" {}
                    text x=(x) y=(y + 16) { (node) }
                    text.state x=(x) y=(y + 31) {}
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&'static str, &'static str)]) -> Graph<'static> {
        let mut graph = Graph::default();
        for (parent, child) in edges {
            graph.nodes.extend([*parent, *child]);
            graph.edges.insert((*parent, "file", *child));
        }
        graph
    }

    #[test]
    fn a_parent_stands_above_its_children() {
        let layers = graph(&[("a", "b"), ("b", "c"), ("a", "c"), ("x", "c")]).layers();
        assert_eq!(layers, [("a", 0), ("b", 1), ("c", 2), ("x", 0)].into());
    }

    #[test]
    fn a_ring_of_edges_has_an_end() {
        let layers = graph(&[("a", "b"), ("b", "a")]).layers();
        assert!(layers.values().all(|layer| *layer < 2), "{layers:?}");
    }
}
