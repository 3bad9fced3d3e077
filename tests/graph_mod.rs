//! Changes of the graph as they ship: permissions along whole trees, and nothing left of a change that is refused.
//!
//! The cases of QEMU's `test-bdrv-graph-mod` under their own names. Written from what those cases say must hold;
//! nothing of theirs is copied.

use graphlock::driver::{Device, Driver, Null, Raw, Storage};
use graphlock::event_loop::MainLoop;
use graphlock::graph::{BlockGraph, ChangeError, NodeDescription, NodeRef, Refused};
use graphlock::graph_lock::{Deferral, WriteGuard};
use graphlock::image::{MemoryImages, Mode};
use graphlock::permission::{Access, Permissions};

const READ: Permissions = Permissions::CONSISTENT_READ;
const WRITE: Permissions = Permissions::WRITE;
const ALL: Permissions = Permissions::all();

struct World {
    main: MainLoop,
    graph: BlockGraph,
}

impl World {
    fn new() -> Self {
        let main = MainLoop::new();
        let graph = BlockGraph::new(&main, Deferral::List);
        World { main, graph }
    }

    fn node(&self, name: &str, driver: Box<dyn Driver>) -> NodeRef {
        self.graph.create_node(&self.main, name, driver)
    }

    /// A user of a node that does and shares this.
    fn user(&self, name: &str, used: Permissions, shared: Permissions) -> NodeRef {
        self.node(name, Device::new(Access { used, shared }))
    }

    fn filter(&self, name: &str) -> NodeRef {
        self.node(name, Raw::new())
    }

    fn image(&self, name: &str, mode: Mode) -> NodeRef {
        let images = MemoryImages::new();
        images.create(name, 4096).expect("there is none of this name");
        let image = images.open(name, mode).expect("it was just created");
        self.node(
            name,
            Storage::new(self.graph.lock(), Box::new(image), None).expect("nobody else has it"),
        )
    }

    fn in_section<T>(&mut self, work: impl FnOnce(&BlockGraph, &mut WriteGuard<'_>) -> T) -> T {
        let mut section = self.graph.lock().write(&mut self.main);
        let result = work(&self.graph, &mut section);
        section.unlock();
        result
    }

    fn try_attach(
        &mut self,
        parent: &NodeRef,
        name: &str,
        child: &NodeRef,
    ) -> Result<(), ChangeError> {
        let result: Result<(), Box<Refused>> = self.in_section(|graph, section| {
            let reference = child.another(section.main());
            graph.attach_child(section, parent, name, reference)
        });
        result.map_err(|refused| {
            self.graph.unref(&mut self.main, refused.child);
            refused.error
        })
    }

    fn attach(&mut self, parent: &NodeRef, name: &str, child: &NodeRef) {
        self.try_attach(parent, name, child).expect("nobody is against it");
    }

    fn append(&mut self, top: &NodeRef, name: &str, below: &NodeRef) -> Result<(), ChangeError> {
        self.in_section(|graph, section| graph.append(section, top, name, below))
    }

    fn insert(
        &mut self,
        (parent, edge): (&NodeRef, &str),
        node: &NodeRef,
        name: &str,
    ) -> Result<(), ChangeError> {
        self.in_section(|graph, section| graph.insert(section, parent, edge, node, name))
    }

    fn replace_node(&mut self, from: &NodeRef, to: &NodeRef) -> Result<(), ChangeError> {
        self.in_section(|graph, section| graph.replace_node(section, from, to))
    }

    fn describe(&self) -> Vec<NodeDescription> {
        self.graph.describe(&self.main)
    }

    /// The children of a node: names of the edges, and of the nodes.
    fn children(&self, node: &NodeRef) -> Vec<(String, String)> {
        let nodes = self.describe().into_iter();
        let edges = nodes.filter(|each| each.name == node.name()).flat_map(|each| each.children);
        edges.map(|edge| (edge.name, edge.child)).collect()
    }

    fn access(&self, node: &NodeRef, name: &str) -> Access {
        let guard = self.graph.lock().read_main(&self.main);
        node.child_access(&guard, name).expect("it is there")
    }

    fn close<const N: usize>(mut self, nodes: [NodeRef; N]) {
        nodes.into_iter().for_each(|node| self.graph.unref(&mut self.main, node));
        self.graph.shutdown(&mut self.main).expect("nobody has a reference");
    }
}

fn edge(name: &str, child: &str) -> (String, String) {
    (name.to_owned(), child.to_owned())
}

/// The error is a conflict between these two over that node, and says so.
fn assert_conflict(error: &ChangeError, node: &str, needs: &str, denies: &str) {
    let ChangeError::Conflict(conflict) = error else { panic!("{error}") };
    assert_eq!(
        (conflict.node.as_str(), conflict.needed_by.0.as_str(), conflict.denied_by.0.as_str()),
        (node, needs, denies)
    );
    let text = error.to_string();
    for name in [node, needs, denies] {
        assert!(text.contains(&format!("`{name}`")), "{text}");
    }
}

/// A writer above a filter, whose node below somebody else does not let be written: an append that succeeded at the
/// filter and failed below it leaves all of the tree as it was.
#[test]
fn update_perm_tree() {
    let mut world = World::new();
    let bottom = world.image("bottom", Mode::ReadWrite);
    let keeper = world.user("keeper", READ, ALL - WRITE);
    world.attach(&keeper, "root", &bottom);
    let filters = ["one", "two", "three"].map(|name| world.filter(name));
    world.attach(&filters[0], "file", &bottom);
    world.attach(&filters[1], "file", &filters[0]);
    world.attach(&filters[2], "file", &filters[1]);
    let reader = world.user("reader", READ, ALL);
    world.attach(&reader, "root", &filters[2]);
    let writer = world.user("writer", WRITE, ALL);
    let before = world.describe();
    let error = world.try_attach(&writer, "root", &filters[2]).expect_err("the keeper is against");
    assert_conflict(&error, "bottom", "one", "keeper");
    assert!(error.to_string().contains("`write`"), "{error}");
    assert_eq!(world.describe(), before);
    // With the keeper gone it goes down to the bottom.
    let Ok(root) = world.in_section(|graph, section| graph.detach_child(section, &keeper, "root"))
    else {
        panic!("it is there");
    };
    world.graph.unref(&mut world.main, root);
    world.attach(&writer, "root", &filters[2]);
    assert_eq!(world.access(&filters[0], "file").used, READ | WRITE);
    let error = world.try_attach(&keeper, "root", &bottom).expect_err("now it comes too late");
    assert_conflict(&error, "bottom", "one", "keeper");
    let [one, two, three] = filters;
    world.close([writer, reader, keeper, three, two, one, bottom]);
}

/// The same where the image is what is against it: open to be read alone.
#[test]
fn update_perm_tree_down_to_a_read_only_image() {
    let mut world = World::new();
    let bottom = world.image("bottom", Mode::ReadOnly);
    let filter = world.filter("filter");
    world.attach(&filter, "file", &bottom);
    let writer = world.user("writer", READ | WRITE, ALL);
    let before = world.describe();
    let error = world.try_attach(&writer, "root", &filter).expect_err("it is read-only");
    assert!(error.to_string().starts_with("node `bottom`: users need `write`"), "{error}");
    assert_eq!(world.describe(), before);
    world.close([writer, filter, bottom]);
}

/// A filter that has the node already as a child is put above it: the edge it has is left alone, or there would be a
/// cycle.
#[test]
fn should_update_child() {
    let mut world = World::new();
    let below = world.node("below", Null::new(None));
    let filter = world.filter("filter");
    let user = world.user("user", READ, ALL);
    world.attach(&user, "root", &below);
    world.attach(&filter, "target", &below);
    assert_eq!(world.children(&filter), [edge("target", "below")]);
    world.append(&filter, "backing", &below).expect("readers get along");
    assert_eq!(world.children(&filter), [edge("target", "below"), edge("backing", "below")]);
    assert_eq!(world.children(&user), [edge("root", "filter")]);
    let parents = world.graph.parents_of(&world.main, &below);
    assert_eq!(parents, [edge("filter", "target"), edge("filter", "backing")]);
    world.close([user, filter, below]);
}

/// Two writers above one node by two ways: neither may be computed before both ways are, or one is taken for a
/// conflict with what the other had.
#[test]
fn parallel_perm_update() {
    let mut world = World::new();
    let bottom = world.image("bottom", Mode::ReadWrite);
    let (left, right) = (world.filter("left"), world.filter("right"));
    world.attach(&left, "file", &bottom);
    world.attach(&right, "file", &bottom);
    let top = world.filter("top");
    world.attach(&top, "file", &left);
    world.attach(&top, "other", &right);
    let writer = world.user("writer", READ | WRITE, ALL);
    world.attach(&writer, "root", &top);
    for node in [&left, &right] {
        assert_eq!(world.access(node, "file").used, READ | WRITE);
    }
    // Now one who shares no writing takes the place of the one who does both: the ways stand in each other's way.
    let alone = world.user("alone", READ | WRITE, ALL - WRITE);
    let before = world.describe();
    let error = world.replace_node(&top, &alone).map(|()| world.describe());
    assert!(error.is_ok(), "a user without a child takes any place: {error:?}");
    assert_eq!(world.children(&writer), [edge("root", "alone")]);
    assert_eq!(world.access(&left, "file"), Access::NONE, "nobody asks it for anything");
    world.replace_node(&alone, &top).expect("it was so before");
    assert_eq!(world.describe(), before);
    let error = world.try_attach(&alone, "root", &top).expect_err("the writer writes");
    assert_conflict(&error, "top", "writer", "alone");
    assert_eq!(world.describe(), before);
    world.close([alone, writer, top, left, right, bottom]);
}

/// A filter that shares nothing with others takes the place of the only user: the edge that goes is not in its way.
#[test]
fn append_greedy_filter() {
    let mut world = World::new();
    let bottom = world.image("bottom", Mode::ReadWrite);
    let top = world.user("top", READ | WRITE, Permissions::empty());
    world.attach(&top, "root", &bottom);
    let greedy = world.user("greedy", READ | WRITE, Permissions::empty());
    let error = world.try_attach(&greedy, "root", &bottom).expect_err("two that share nothing");
    assert_conflict(&error, "bottom", "top", "greedy");
    world.append(&greedy, "root", &bottom).expect("the other one is above it now");
    assert_eq!(world.children(&top), [edge("root", "greedy")]);
    assert_eq!(world.children(&greedy), [edge("root", "bottom")]);
    assert_eq!(world.graph.parents_of(&world.main, &bottom), [edge("greedy", "root")]);
    world.close([top, greedy, bottom]);
}

/// A node is put between two, and another in its place, where one user of what comes is against it.
#[test]
fn insert_and_replace_with_a_conflict() {
    let mut world = World::new();
    let (bottom, other) =
        (world.node("bottom", Null::new(None)), world.node("other", Null::new(None)));
    let writer = world.user("writer", READ | WRITE, ALL);
    let reader = world.user("reader", READ, ALL);
    world.attach(&writer, "root", &bottom);
    world.attach(&reader, "root", &bottom);
    let keeper = world.user("keeper", READ, ALL - WRITE);
    world.attach(&keeper, "root", &other);
    let before = world.describe();
    // All users move or none: the reader would have gone, the writer may not.
    let error = world.replace_node(&bottom, &other).expect_err("the keeper is against writers");
    assert_conflict(&error, "other", "writer", "keeper");
    assert_eq!(world.describe(), before);
    // A filter that its owner lets nobody write.
    let filter = world.filter("filter");
    world.attach(&keeper, "filter", &filter);
    let before = world.describe();
    let error = world.append(&filter, "file", &bottom).expect_err("the keeper is against writers");
    assert_conflict(&error, "filter", "writer", "keeper");
    assert_eq!(world.describe(), before);
    world.close([writer, reader, keeper, filter, bottom, other]);
}

/// A node is put into the edge of one of two users; the other one keeps his.
#[test]
fn a_node_is_inserted_into_one_edge() {
    let mut world = World::new();
    let bottom = world.image("bottom", Mode::ReadWrite);
    let writer = world.user("writer", READ | WRITE, ALL);
    let reader = world.user("reader", READ, ALL);
    world.attach(&writer, "root", &bottom);
    world.attach(&reader, "root", &bottom);
    let filter = world.filter("filter");
    world.insert((&writer, "root"), &filter, "file").expect("nobody is against it");
    assert_eq!(world.children(&writer), [edge("root", "filter")]);
    assert_eq!(world.children(&filter), [edge("file", "bottom")]);
    assert_eq!(world.children(&reader), [edge("root", "bottom")]);
    assert_eq!(world.access(&filter, "file").used, READ | WRITE, "it does what its user does");
    let parents = world.graph.parents_of(&world.main, &bottom);
    assert_eq!(parents, [edge("reader", "root"), edge("filter", "file")]);
    // A second one into the edge that has come to be.
    let second = world.filter("second");
    world.insert((&filter, "file"), &second, "file").expect("nobody is against it");
    assert_eq!(world.children(&filter), [edge("file", "second")]);
    assert_eq!(world.children(&second), [edge("file", "bottom")]);
    world.close([writer, reader, filter, second, bottom]);
}

/// An insert fails at its first step, at its second, or where permissions are computed: the graph is as it was.
#[test]
fn an_insert_that_fails_leaves_the_graph_as_it_was() {
    let mut world = World::new();
    let bottom = world.image("bottom", Mode::ReadWrite);
    let writer = world.user("writer", READ | WRITE, ALL);
    world.attach(&writer, "root", &bottom);
    let keeper = world.user("keeper", READ, ALL - WRITE);
    let kept = world.filter("kept");
    world.attach(&keeper, "root", &kept);
    let above = world.filter("above");
    world.attach(&above, "writer", &writer);
    let before = world.describe();
    let error = world.insert((&writer, "root"), &kept, "file").expect_err("the keeper is against");
    assert_conflict(&error, "kept", "writer", "keeper");
    assert_eq!(world.describe(), before);
    let error = world.insert((&writer, "root"), &keeper, "root").expect_err("the name is taken");
    assert!(matches!(error, ChangeError::Child { exists: true, .. }), "{error}");
    assert_eq!(world.describe(), before);
    let error = world.insert((&writer, "other"), &kept, "file").expect_err("there is no such edge");
    assert_eq!(error.to_string(), "node `writer` has no child `other`");
    assert_eq!(world.describe(), before);
    // The node is above the edge already, is its parent, or is its child.
    for node in [&above, &writer, &bottom] {
        let error = world.insert((&writer, "root"), node, "again").expect_err("a cycle");
        assert!(matches!(error, ChangeError::Cycle { .. }), "{error}");
        assert_eq!(world.describe(), before);
    }
    world.close([above, writer, keeper, kept, bottom]);
}

#[test]
fn a_cycle_is_refused() {
    let mut world = World::new();
    let nodes = ["one", "two", "three"].map(|name| world.filter(name));
    world.attach(&nodes[0], "file", &nodes[1]);
    world.attach(&nodes[1], "file", &nodes[2]);
    let before = world.describe();
    for (parent, child) in [(2, 0), (1, 0), (2, 1), (0, 0)] {
        let (parent, child) = (&nodes[parent], &nodes[child]);
        let errors = [
            world.try_attach(parent, "loop", child).expect_err("it is above"),
            match world.append(parent, "loop", child) {
                Err(error) => error,
                Ok(()) => panic!("`{}` above `{}`", parent.name(), child.name()),
            },
        ];
        for error in errors {
            assert!(matches!(error, ChangeError::Cycle { .. }), "{error}");
            for name in [parent.name(), child.name()] {
                assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
            }
        }
        assert_eq!(world.describe(), before);
    }
    let [one, two, three] = nodes;
    world.close([one, two, three]);
}

/// A node is put in the place of one above it: who is below the newcomer keeps his edge.
#[test]
fn a_node_is_replaced_by_what_is_below_it() {
    let mut world = World::new();
    let nodes = ["one", "two", "three"].map(|name| world.filter(name));
    let user = world.user("user", READ, ALL);
    world.attach(&nodes[0], "file", &nodes[1]);
    world.attach(&nodes[1], "file", &nodes[2]);
    world.attach(&user, "root", &nodes[0]);
    world.replace_node(&nodes[0], &nodes[2]).expect("nobody is against it");
    assert_eq!(world.children(&user), [edge("root", "three")]);
    assert_eq!(world.children(&nodes[0]), [edge("file", "two")]);
    world.replace_node(&nodes[2], &nodes[0]).expect("nobody is against it");
    assert_eq!(world.children(&user), [edge("root", "one")]);
    assert_eq!(world.children(&nodes[1]), [edge("file", "three")], "below what comes: left alone");
    let [one, two, three] = nodes;
    world.close([user, one, two, three]);
}
