#pragma once

// A part of some images as the convolutions read it: in place, or copied with zeros around.

#include "conv_shapes.hpp"
#include "vector.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

struct View {
    const float* at;                // the pixel (row, column) of the first image
    Int row, column;
    Int pixel_floats, row_floats, image_floats;

    const float* pixel(Int r, Int c) const { return at + (r - row) * row_floats + (c - column) * pixel_floats; }
};

// What is copied: of `images` images the rows [row, row + rows), all inside; the columns, zeros where they are outside;
// and some neighbouring channels.
struct Part {
    Int images, row, rows, column, columns, channel, channels;
};

View whole_view(const float* x, const Conv& conv) {
    return {x, 0, 0, conv.x_stride, conv.horizontal.size * conv.x_stride, conv.image()};
}

void copy_pixels(float* to, const float* from, Int pixels, Int channels, Int from_pixel) {
    if (channels == from_pixel) {
        std::memcpy(to, from, static_cast<std::size_t>(pixels * channels) * sizeof(float));
    } else if (channels == panel_width) {
        for (Int i = 0; i < pixels; ++i)
            std::memcpy(to + i * panel_width, from + i * from_pixel, panel_width * sizeof(float));
    } else {
        for (Int i = 0; i < pixels; ++i)
            for (Int j = 0; j < channels; ++j) to[i * channels + j] = from[i * from_pixel + j];
    }
}

void clear(float* to, Int floats) { std::memset(to, 0, static_cast<std::size_t>(floats) * sizeof(float)); }

View copied_view(const float* copy, const Part& part) {
    const Int row = part.columns * part.channels;
    return {copy, part.row, part.column, part.channels, row, part.rows * row};
}

View copy_part(float* to, const float* x, const Conv& conv, const Part& part) {
    const Int inside = most(0, least(-part.column, part.columns));  // columns before the image, then those in it
    const Int end = most(inside, least(part.columns, conv.horizontal.size - part.column));
    const View source = whole_view(x, conv);
    const Int row_floats = part.columns * part.channels;
    float* row_to = to;
    for (Int image = 0; image < part.images; ++image) {
        for (Int row = part.row; row < part.row + part.rows; ++row, row_to += row_floats) {
            clear(row_to, inside * part.channels);
            if (inside < end)
                copy_pixels(row_to + inside * part.channels,
                            source.pixel(row, part.column + inside) + image * source.image_floats + part.channel,
                            end - inside, part.channels, conv.x_stride);
            clear(row_to + end * part.channels, (part.columns - end) * part.channels);
        }
    }
    return copied_view(to, part);
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
