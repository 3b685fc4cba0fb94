//! docs/architecture.svg: the crates in their layers, drawn from the data of the layers' test.

use std::collections::{BTreeMap, BTreeSet};

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use crate::layers::{LAYERS, Layer};

const BLUE: u32 = 0x3a5f_9aff;
const PALE: u32 = 0xeef3_fbff;
/// One size for boxes and arrows: the library writes several sizes in another order at each run.
const FONT_SIZE: usize = 14;

/// The picture: an arrow is an import. Indirect imports have no arrow of their own.
pub(crate) fn picture() -> String {
    let down = Orientation::TopToBottom;
    let mut graph = VisualGraph::new(down);
    let mut nodes = BTreeMap::new();
    // The drawing begins with what is added first.
    for layer in LAYERS.iter().rev() {
        let text = format!(
            "{}\n{} direct dependencies",
            layer.name,
            layer.ours.len() + layer.others.len()
        );
        let style = StyleAttr::new(Color::new(BLUE), 1, Some(Color::new(PALE)), 6, FONT_SIZE);
        let shape = ShapeKind::new_box(&text);
        let node = Element::create(shape, style, down, Point::new(170.0, 50.0));
        nodes.insert(layer.name, graph.add_node(node));
    }
    for layer in LAYERS {
        for below in direct(layer) {
            let mut arrow = Arrow::simple("");
            arrow.end = LineEndKind::Arrow;
            arrow.look.font_size = FONT_SIZE;
            graph.add_edge(arrow, nodes[layer.name], nodes[below]);
        }
    }
    let mut writer = SVGWriter::new();
    graph.do_it(false, false, false, &mut writer);
    writer.finalize()
}

fn below(layer: &Layer) -> impl Iterator<Item = &'static Layer> {
    layer.ours.iter().filter_map(|name| LAYERS.iter().find(|other| other.name == *name))
}

/// The imports of a crate without the indirect ones.
fn direct(layer: &Layer) -> impl Iterator<Item = &'static str> {
    fn all_below(layer: &Layer, found: &mut BTreeSet<&'static str>) {
        for below in below(layer) {
            found.insert(below.name);
            all_below(below, found);
        }
    }
    let mut further = BTreeSet::new();
    for below in below(layer) {
        all_below(below, &mut further);
    }
    layer.ours.iter().copied().filter(move |name| !further.contains(name))
}
