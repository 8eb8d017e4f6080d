// The needs of the matrix products and convolutions.

#include "../kernels/conv_shapes.hpp"
#include "needs.hpp"

namespace chainrule {
namespace {

// Sizes and distances of any one axis stay far below what their sums and products could overflow.
constexpr Int longest = Int{1} << 31, most_taps = Int{1} << 16;

void require_sizes(std::initializer_list<Int> numbers, Int from) {
    for (const Int number : numbers) require(number >= from && number < longest, "a size is out of range");
}

void require_count(const std::vector<Int>& ints, Int count, Int operands, Int least_operands, Int most_operands) {
    require(static_cast<Int>(ints.size()) == count, "it has another number of integers");
    require(operands >= least_operands && operands <= most_operands, "it has another number of operands");
}

Int floats(std::initializer_list<Int> factors) { return times(product(factors), 4); }

// Bytes from the first to the last of sizes[i] places at distances strides[i]; none if there is no place.
Int extent(std::initializer_list<Int> sizes, std::initializer_list<Int> strides) {
    Int last = 0;
    auto stride = strides.begin();
    for (const Int size : sizes) {
        if (size == 0) return 0;
        last = plus(last, times(size - 1, *stride++));
    }
    return times(plus(last, 1), 4);
}

void require_flags(Int flags, Int known, Int operands) {
    require((flags & ~known) == 0, "unknown flags");
    require(operands == (flags & add_bias ? 4 : 3), "the bias is missing or not asked for");
}

void require_axis(const Axis& axis) {
    require_sizes({axis.size, axis.out}, 0);
    require_sizes({axis.taps, axis.stride, axis.dilation, axis.up}, 1);
    require(axis.taps <= most_taps, "a kernel is absurdly large");
    require(axis.before > -longest && axis.before < longest, "an image begins absurdly far away");
    // Every place that reach() can name, scaled up or not, is then a small number.
    plus(times(plus(axis.out, axis.size), times(axis.stride, axis.up)),
         times(axis.taps, times(axis.dilation, axis.up)));
}

void require_conv(const Conv& conv) {
    require_axis(conv.vertical);
    require_axis(conv.horizontal);
    require_sizes({conv.c, conv.o}, 0);
    require_sizes({conv.x_stride}, conv.c);
    require_sizes({conv.y_stride}, conv.o);
    if (conv.flags & by_winograd)
        require(conv.suits_winograd(), "Winograd's algorithm takes 3 x 3 taps one apart, and multiples of 16 channels");
}

// Some channels of so many pixels.
Int pixels(std::initializer_list<Int> numbers, Int stride, Int channels) {
    return extent({product(numbers), channels}, {stride, 1});
}

Int panels(Int columns) { return parts_of(columns, panel_width); }

}  // namespace

Needs gemm_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    require_count(ints, Gemm::count, operands, 3, 4);
    const Gemm gemm(ints.data());
    require_flags(gemm.flags, add_bias | apply_relu, operands);
    require_sizes({gemm.n, gemm.k, gemm.unit, gemm.a_row, gemm.a_k, gemm.b_panel, gemm.b_k}, 0);
    require_sizes({gemm.c_row}, gemm.n);
    const Int m = times(rows, gemm.unit);
    const bool empty = m == 0 || gemm.n == 0 || gemm.k <= 1;
    require(empty || (gemm.a_k > 0 && gemm.b_k >= panel_width), "columns of A or rows of B overlap");
    Needs needs{{extent({m, gemm.n}, {gemm.c_row, 1}), extent({m, gemm.k}, {gemm.a_row, gemm.a_k}),
                 extent({panels(gemm.n), gemm.k, panel_width}, {gemm.b_panel, gemm.b_k, 1})},
                GemmWorkspace(m, gemm.k).bytes()};
    if (m == 0 || gemm.n == 0) needs.bytes[1] = needs.bytes[2] = 0;
    if (operands == 4) needs.bytes.push_back(floats({gemm.n}));
    return needs;
}

namespace {

// What a pack reads of its source, in bytes.
Int read_bytes(const Pack& pack, Int rows) {
    require_sizes({pack.n, pack.size[0], pack.size[1], pack.size[2], pack.origin}, 0);
    require_sizes({pack.column_stride}, 1);
    Int lowest = pack.origin, highest = pack.origin;
    for (int axis = 0; axis < 3; ++axis) {
        require(pack.stride[axis] > -longest && pack.stride[axis] < longest, "a stride is out of range");
        const Int reach = times(most(0, pack.size[axis] - 1), pack.stride[axis]);
        lowest = plus(lowest, least(0, reach)), highest = plus(highest, most(0, reach));
    }
    require(lowest >= 0, "it reads before its source");
    const Int k = product({pack.size[0], pack.size[1], pack.size[2]});
    const Int columns = least(times(rows, panel_width), pack.n);
    const Int read = columns == 0 || k == 0 ? 0 : plus(plus(highest, times(columns - 1, pack.column_stride)), 1);
    return times(read, 4);
}

}  // namespace

Needs pack_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    require_count(ints, Pack::count, operands, 2, 2);
    const Pack pack(ints.data());
    const Int read = read_bytes(pack, rows);
    return {{floats({rows, pack.k(), panel_width}), read}, 0};
}

Needs pack_winograd_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    require_count(ints, Pack::winograd_count, operands, 2, 2);
    const Pack pack = Pack::of_winograd(ints.data());
    require(pack.n % panel_width == 0, "its columns are not whole panels");
    const Int read = read_bytes(pack, rows);
    return {{floats({rows, winograd_places, pack.size[2], panel_width}), read}, 0};
}

namespace {

Int conv_workspace(const Conv& conv, Int rows) {
    const Columns columns(conv.horizontal, 0, conv.horizontal.out);
    product({most(columns.width, conv.horizontal.size + 1), conv.vertical.size + 1, conv.x_stride + 1});  // in the plan
    if (conv.is_product()) return GemmWorkspace(times(rows, conv.outputs()), conv.c).bytes();
    return 4 * (conv.flags & by_winograd ? WinogradPlan(conv, rows).floats : ConvPlan(conv, rows).floats);
}

}  // namespace

Needs conv_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    require_count(ints, Conv::count, operands, 3, 4);
    const Conv conv = Conv::of_conv(ints.data());
    require_flags(conv.flags, add_bias | apply_relu | by_winograd, operands);
    require_conv(conv);
    const Axis &vertical = conv.vertical, &horizontal = conv.horizontal;
    const Int taps = conv.flags & by_winograd ? winograd_places : product({vertical.taps, horizontal.taps});
    Needs needs{{pixels({rows, vertical.out, horizontal.out}, conv.y_stride, conv.o),
                 pixels({rows, vertical.size, horizontal.size}, conv.x_stride, conv.c),
                 floats({panels(conv.o), taps, conv.c, panel_width})},
                0};
    if (operands == 4) needs.bytes.push_back(floats({conv.o}));
    if (rows == 0 || conv.o == 0 || conv.outputs() == 0) return needs;
    needs.workspace = conv_workspace(conv, rows);
    return needs;
}

Needs conv_kernel_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    require_count(ints, Conv::kernel_count, operands, 3, 3);
    const Conv conv = Conv::of_kernel(ints.data());
    require((conv.flags & ~by_winograd) == 0, "unknown flags");
    require_conv(conv);
    const Axis &vertical = conv.vertical, &horizontal = conv.horizontal;
    Needs needs{{floats({vertical.taps, horizontal.taps, conv.c, conv.o}),
                 pixels({rows, vertical.size, horizontal.size}, conv.x_stride, conv.c),
                 pixels({rows, vertical.out, horizontal.out}, conv.y_stride, conv.o)},
                0};
    const Int width = most(horizontal.span(horizontal.out), horizontal.size + 1);
    product({KernelPlan::cache, vertical.size + 1, width, conv.x_stride + 1});  // what the plan multiplies
    if (conv.flags & by_winograd) {
        needs.workspace = 4 * WinogradKernelPlan(conv, rows).floats;
        return needs;
    }
    const KernelPlan plan(conv, rows);
    needs.workspace = 4 * (parts_of(plan.input_floats, 16) * 16 + plan.g_floats);
    return needs;
}

}  // namespace chainrule
