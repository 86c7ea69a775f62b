//! Tests of graph structure, text formats, and malformed input.

use proptest::prelude::*;
use vmd_graph::{DependencyGraph, GraphError, GraphSpec, MAX_EDGE_TYPES, MAX_NODES, Parent, ParentOrder};

/// Random graphs with two edge types.
fn any_graph() -> impl Strategy<Value = DependencyGraph> {
    (1_usize..14).prop_flat_map(|n| {
        let edges = prop::collection::vec((0..n, 0..n), 0..40)
            .prop_map(|edges| edges.into_iter().filter(|(a, b)| a != b).collect::<Vec<_>>());
        (edges.clone(), edges).prop_map(move |(a, b)| {
            DependencyGraph::from_edges(n, [("a", a), ("b", b)]).expect("valid edges")
        })
    })
}

proptest! {
    #[test]
    fn colouring_is_proper(graph in any_graph()) {
        let colours = graph.greedy_colouring();
        prop_assert_eq!(colours.len(), graph.n_nodes());
        let n_colours = colours.iter().max().unwrap() + 1;
        prop_assert!((0..n_colours).all(|colour| colours.contains(&colour)));
        prop_assert!(n_colours <= 1 + (0..graph.n_nodes()).map(|node| graph.degree(node)).max().unwrap());
        for (a, b) in graph.edge_types().iter().flat_map(|edge_type| edge_type.edges()) {
            prop_assert_ne!(colours[*a], colours[*b]);
        }
    }

    #[test]
    fn accessors_agree(graph in any_graph(), include_self: bool) {
        let n = graph.n_nodes();
        let masks: Vec<_> = (0..2).map(|edge_type| graph.adjacency_mask(edge_type, include_self)).collect();
        for (a, b) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))) {
            for (edge_type, mask) in masks.iter().enumerate() {
                let adjacent = graph.neighbours(edge_type, a).contains(&b);
                prop_assert_eq!(mask[a * n + b], adjacent || (a == b && include_self));
                prop_assert_eq!(mask[a * n + b], mask[b * n + a]);
            }
            let adjacent = (0..2).any(|edge_type| graph.neighbours(edge_type, a).contains(&b));
            prop_assert_eq!(graph.is_adjacent(a, b), adjacent);
        }
        prop_assert!((0..n).all(|node| graph.degree(node) == graph.union()[node].len()));
    }

    #[test]
    fn an_open_order_has_every_edge_both_ways(graph in any_graph()) {
        let parents = graph.parents(ParentOrder::Any);
        prop_assert!(parents.is_open() && !graph.parents(ParentOrder::Bfs).is_open());
        for (edge_type, ties) in graph.edge_types().iter().enumerate() {
            for &(a, b) in ties.edges() {
                let is_parent = |of: usize, node| parents.of(of).contains(&Parent { edge_type, node });
                prop_assert!(is_parent(a, b) && is_parent(b, a));
            }
        }
    }

    #[test]
    fn every_edge_has_one_parent(graph in any_graph(), by_colour: bool) {
        let order = if by_colour { ParentOrder::Colouring } else { ParentOrder::Bfs };
        let parents = graph.parents(order);
        let mut sorted = parents.order().to_vec();
        sorted.sort_unstable();
        prop_assert!(sorted.into_iter().eq(0..graph.n_nodes()));
        prop_assert!((0..).zip(parents.order()).all(|(rank, &node)| parents.rank(node) == rank));
        for (edge_type, ties) in graph.edge_types().iter().enumerate() {
            for &(a, b) in ties.edges() {
                let is_parent = |of: usize, node| parents.of(of).contains(&Parent { edge_type, node });
                prop_assert!(is_parent(a, b) != is_parent(b, a));
                prop_assert_eq!(is_parent(b, a), parents.rank(a) < parents.rank(b));
            }
        }
        let n_parents: usize = (0..graph.n_nodes()).map(|node| parents.of(node).len()).sum();
        let n_edges: usize = graph.edge_types().iter().map(|edge_type| edge_type.edges().len()).sum();
        prop_assert_eq!(n_parents, n_edges);
    }

    #[test]
    fn toml_round_trips(graph in any_graph()) {
        prop_assert_eq!(&DependencyGraph::from_toml_str(&graph.to_toml()).unwrap(), &graph);
    }

    #[test]
    fn cliques_are_found_exactly(n_cliques in 1_usize..5, size in 1_usize..5, drop_edge: bool) {
        // Node k belongs to clique k mod n_cliques, so that the members of a clique are not
        // consecutive.
        let n = n_cliques * size;
        let mut edges: Vec<_> = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect();
        edges.retain(|(a, b)| a % n_cliques == b % n_cliques);
        // With one edge removed, a graph of two nodes has two cliques of size 1; a larger graph
        // has no partition into cliques of equal size.
        let broken = drop_edge && edges.pop().is_some();
        let cliques = DependencyGraph::from_edges(n, [("t", edges)]).unwrap().cliques(0);
        let expected = (0..n_cliques).map(|c| (0..size).map(|i| c + i * n_cliques).collect()).collect();
        if broken {
            prop_assert!(cliques.is_none() || n == 2);
        } else {
            prop_assert_eq!(cliques, Some(expected));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}", numbers in "([0-9]{1,20}[ #a\n]){0,20}") {
        let _ = DependencyGraph::from_toml_str(&text);
        let _ = DependencyGraph::from_edge_list_str(&text);
        let _ = DependencyGraph::from_edge_list_str(&numbers);
    }
}

#[test]
fn sudoku_has_the_known_counts() {
    // Side s: s−1 neighbours per type. A box of r×c shares (c−1)+(r−1) of them with the row and
    // the column.
    for (box_rows, box_cols) in [(2, 2), (3, 3), (4, 4), (2, 3)] {
        let graph = DependencyGraph::sudoku(box_rows, box_cols).unwrap();
        let side = box_rows * box_cols;
        assert_eq!(graph.n_nodes(), side * side);
        assert_eq!(["row", "column", "box"].map(|name| graph.edge_type(name)), [Some(0), Some(1), Some(2)]);
        for node in 0..graph.n_nodes() {
            assert!((0..3).all(|edge_type| graph.neighbours(edge_type, node).len() == side - 1));
            assert_eq!(graph.degree(node), 3 * (side - 1) - (box_rows - 1) - (box_cols - 1));
        }
        assert!((0..3).all(|edge_type| graph.cliques(edge_type).is_some_and(|c| c.len() == side)));
    }
    assert_eq!(DependencyGraph::sudoku(3, 3).unwrap().degree(0), 20);
    // Boxes of 2 rows and 3 columns: cell (1, 2) shares a box with (0, 0), but not with (0, 3) or
    // (2, 2).
    let graph = DependencyGraph::sudoku(2, 3).unwrap();
    assert_eq!(graph.neighbours(2, 8), [0, 1, 2, 6, 7]);
}

#[test]
fn cliques_need_every_node_and_equal_sizes() {
    let cliques = |n, edges: &[(usize, usize)]| {
        DependencyGraph::from_edges(n, [("t", edges.to_vec())]).unwrap().cliques(0)
    };
    assert_eq!(cliques(3, &[(0, 1)]), None);
    assert_eq!(cliques(4, &[(0, 1), (1, 2), (2, 3), (3, 0)]), None);
    assert_eq!(cliques(4, &[(0, 2), (1, 3)]), Some(vec![vec![0, 2], vec![1, 3]]));
    let complete = DependencyGraph::complete(3).unwrap();
    assert_eq!(complete.cliques(0), Some(vec![vec![0, 1, 2]]));
}

#[test]
fn a_sudoku_colours_with_few_more_than_its_digits() {
    let n_colours = |rows, cols| {
        DependencyGraph::sudoku(rows, cols).unwrap().greedy_colouring().into_iter().max().unwrap() + 1
    };
    assert_eq!(n_colours(2, 2), 4);
    assert!((9..=12).contains(&n_colours(3, 3)), "{}", n_colours(3, 3));
}

#[test]
fn mistakes_are_named() {
    let edges = |name: &str, edge| DependencyGraph::from_edges(2, [(name, vec![edge])]);
    assert!(matches!(edges("t", (0, 2)), Err(GraphError::NodeOutOfRange { edge: (0, 2), .. })));
    assert!(matches!(edges("t", (1, 1)), Err(GraphError::SelfLoop { node: 1, .. })));
    assert!(matches!(edges("two words", (0, 1)), Err(GraphError::EdgeTypeName { .. })));
    assert!(matches!(edges("", (0, 1)), Err(GraphError::EdgeTypeName { .. })));
    let twice = DependencyGraph::from_edges(2, [("t", vec![]), ("t", vec![])]);
    assert!(matches!(twice, Err(GraphError::EdgeTypeName { .. })));
    let many = DependencyGraph::from_edges(1, (0..=MAX_EDGE_TYPES).map(|i| (i.to_string(), vec![])));
    assert!(matches!(many, Err(GraphError::EdgeTypeCount { .. })));
}

#[test]
fn absurd_sizes_fail_quickly() {
    for n in [0, MAX_NODES + 1, usize::MAX] {
        assert!(matches!(DependencyGraph::chain(n), Err(GraphError::NodeCount { .. })));
        assert!(matches!(DependencyGraph::complete(n), Err(GraphError::NodeCount { .. })));
        assert!(matches!(DependencyGraph::sudoku(n, 3), Err(GraphError::NodeCount { .. })));
    }
    assert!(DependencyGraph::from_toml_str("n_nodes = 9223372036854775807").is_err());
    assert!(DependencyGraph::from_edge_list_str("0 18446744073709551615").is_err());
    assert!(DependencyGraph::from_edge_list_str("# nothing").is_err());
}

#[test]
fn malformed_lines_are_named() {
    for text in ["0 1\n1", "0 1\n1 x", "0 1\n1 2 t extra", "0 1\n-1 2"] {
        let error = DependencyGraph::from_edge_list_str(text).unwrap_err();
        assert!(matches!(error, GraphError::EdgeLine { line: 2, .. }), "{error}");
    }
    assert!(DependencyGraph::from_toml_str("n_nodes = 2\nnodes = 3").is_err());
}

#[test]
fn files_are_read_by_extension() {
    let folder = std::env::temp_dir().join(format!("vmd-graph-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let graph = DependencyGraph::chain(3).unwrap();
    let (toml, list) = (folder.join("g.toml"), folder.join("g.txt"));
    std::fs::write(&toml, graph.to_toml()).unwrap();
    std::fs::write(&list, "0 1 next\n2 1 next\n").unwrap();
    assert_eq!(GraphSpec::File { path: toml }.build().unwrap(), graph);
    assert_eq!(GraphSpec::File { path: list }.build().unwrap(), graph);
    std::fs::remove_dir_all(&folder).unwrap();
    let missing = GraphSpec::File { path: folder.join("g.txt") }.build();
    assert!(matches!(missing, Err(GraphError::Read { .. })));
}

#[test]
fn spec_round_trips_and_rejects_unknown_keys() {
    let text = "kind = \"sudoku\"\nbox_rows = 3\nbox_cols = 3";
    let spec: GraphSpec = toml::from_str(text).unwrap();
    assert_eq!(spec, GraphSpec::Sudoku { box_rows: 3, box_cols: 3 });
    assert_eq!(toml::from_str::<GraphSpec>(&toml::to_string(&spec).unwrap()).unwrap(), spec);
    assert!(toml::from_str::<GraphSpec>("kind = \"chain\"\nn = 3\nlength = 3").is_err());
}

#[test]
fn inline_edges_are_a_graph() {
    let of_type = |edges| [("pair".to_string(), edges)].into();
    let graph = GraphSpec::Edges { n: 4, edges: of_type(vec![(1, 0), (2, 3)]) }.build().unwrap();
    assert_eq!(graph.edge_types()[0].edges(), [(0, 1), (2, 3)]);
    assert_eq!(graph.edge_types()[0].name(), "pair");
    assert!(GraphSpec::Edges { n: 2, edges: of_type(vec![(0, 2)]) }.build().is_err());
}

#[test]
fn a_graph_outlives_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.toml");
    let graph = DependencyGraph::sudoku(2, 2).unwrap();
    std::fs::write(&path, graph.to_toml()).unwrap();
    let spec = GraphSpec::File { path: path.clone() }.without_file().unwrap();
    std::fs::remove_file(&path).unwrap();
    let rebuilt = spec.build().unwrap();
    assert_eq!(rebuilt.agreement(&graph).precision, 1.0);
    assert_eq!(rebuilt.pairs(), graph.pairs());
    assert_eq!(rebuilt.edge_types().len(), 3);
    assert!(GraphSpec::File { path }.without_file().is_err());
    assert_eq!(GraphSpec::Chain { n: 3 }.without_file().unwrap(), GraphSpec::Chain { n: 3 });
}
