#pragma once

// The tiles of Winograd's algorithm: 2 x 2 outputs and the 4 x 4 inputs they meet, transformed at 16 places.

#include "conv_shapes.hpp"
#include "winograd_transforms.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

constexpr Int places = winograd_places;

// A tile's first output.
struct Tile {
    Int image, row, column;
};

Tile tile_of(const WinogradTiles& tiles, Int number) {
    const Int in_image = number % tiles.in_image;
    return {number / tiles.in_image, in_image / tiles.across * 2, in_image % tiles.across * 2};
}

// Where the tile's inputs stand; outside the image there are `zeros`.
struct TileInputs {
    const float* at[4][4];

    TileInputs(const Conv& conv, const Tile& tile, const float* x, const float* zeros) {
        const Axis &vertical = conv.vertical, &horizontal = conv.horizontal;
        for (Int i = 0; i < 4; ++i) {
            for (Int j = 0; j < 4; ++j) {
                const Int row = tile.row + i - vertical.before, column = tile.column + j - horizontal.before;
                const bool inside = row >= 0 && row < vertical.size && column >= 0 && column < horizontal.size;
                const Int pixel = (tile.image * vertical.size + row) * horizontal.size + column;
                at[i][j] = inside ? x + pixel * conv.x_stride : zeros;
            }
        }
    }
};

// Where transforms go: the places of one channel lie `place` floats apart, blocks of 16 channels `block` floats.
struct Transforms {
    float* at;
    Int place, block;
};

// Two rows of a tile's inputs combined (`sign` 1 or -1), for the places of one row.
CHAINRULE_INLINE void transform_row(const float* const* a, const float* const* b, float sign, Int channels,
                                    const Transforms& to, Int first_place) {
    const Vector factor = broadcast(sign);
    float* block = to.at + first_place * to.place;
    for (Int start = 0; start < channels; start += panel_width, block += to.block) {
        for (Int i = 0; i < panel_width; i += lanes) {
            Four row;
            for (int j = 0; j < 4; ++j) row.at[j] = load(a[j] + start + i) + factor * load(b[j] + start + i);
            store_four(block + i, to.place, of_inputs(row));
        }
    }
}

void transform_inputs(const TileInputs& inputs, Int channels, const Transforms& to) {
    const auto& d = inputs.at;
    transform_row(d[0], d[2], -1, channels, to, 0);
    transform_row(d[1], d[2], 1, channels, to, 4);
    transform_row(d[2], d[1], -1, channels, to, 8);
    transform_row(d[1], d[3], -1, channels, to, 12);
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
