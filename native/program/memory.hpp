#pragma once

#include <cstddef>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace chainrule {

// Bytes that start at a multiple of 64, or of a huge page where there are many of them. Nothing touches them here: the
// thread that uses them first decides where they stand.
class Memory {
public:
    Memory() = default;
    explicit Memory(std::size_t bytes) {
        if (bytes == 0) return;
        if (bytes >= huge_page) alignment_ = std::align_val_t{huge_page};
        at_ = static_cast<char*>(::operator new(bytes, alignment_, std::nothrow));
        if (at_ == nullptr) throw std::bad_alloc();
#ifdef __linux__
        if (bytes >= huge_page) madvise(at_, bytes / huge_page * huge_page, MADV_HUGEPAGE);  // a refusal is no harm
#endif
    }
    Memory(Memory&& other) noexcept { *this = std::move(other); }
    Memory& operator=(Memory&& other) noexcept {
        std::swap(at_, other.at_);
        std::swap(alignment_, other.alignment_);
        return *this;
    }
    ~Memory() { ::operator delete(at_, alignment_); }

    char* at() const { return at_; }

private:
    static constexpr std::size_t huge_page = std::size_t{2} << 20;
    char* at_ = nullptr;
    std::align_val_t alignment_{64};
};

}  // namespace chainrule
