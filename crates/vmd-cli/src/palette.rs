//! Colours of plots.

use plotters::style::RGBColor;

/// One colour per line; a baseline has the colour of the line it is compared with, dashed.
pub const COLOURS: [RGBColor; 14] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(255, 127, 14),
    RGBColor(23, 190, 207),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(127, 127, 127),
    RGBColor(188, 189, 34),
    RGBColor(0, 0, 0),
    RGBColor(57, 59, 121),
    RGBColor(99, 121, 57),
    RGBColor(132, 60, 57),
];
