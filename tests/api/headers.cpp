// The headers in C++17: they compile, link, and a task runs. The exit code is 0 if all is well.
#include <trale.h>

#include <cstdint>

namespace
{

struct countdown {
    trale_future future;
    int left;
};

trale_poll countdown_poll(trale_future *self, trale_context *cx)
{
    auto *c = reinterpret_cast<countdown *>(self);
    if (c->left-- > 0) {
        trale_waker_wake(trale_context_waker(cx));
        return TRALE_PENDING;
    }
    self->output = 42;
    return TRALE_READY;
}

constexpr trale_future_ops countdown_ops = {countdown_poll, nullptr, "countdown"};

std::intptr_t count_down(void *)
{
    countdown c = {{&countdown_ops, 0}, 3};
    return trale_await(&c.future);
}

/* The functions that are macros too can be had by their addresses. */
constexpr int (*spawn)(trale_task **, trale_fn *, void *) = trale_spawn;
constexpr int (*group_spawn)(trale_group *, trale_fn *, void *) = trale_group_spawn;

std::intptr_t dump_nowhere(void *)
{
    trale_dump(nullptr);
    return trale_stall_watch(0);
}

} // namespace

int main()
{
    trale_task *task = nullptr;
    std::intptr_t result = 0;

    if (trale_spawn(&task, count_down, nullptr) != 0)
        return 1;
    if (trale_join(task, &result) != 0 || result != 42)
        return 2;
    if (trale_block_on([](void *arg) { return reinterpret_cast<std::intptr_t>(arg); }, &result,
                       &result) != 0)
        return 3;
    if (result != reinterpret_cast<std::intptr_t>(&result))
        return 4;
    trale_group group = {};
    if (group_spawn(&group, dump_nowhere, nullptr) != 0 ||
        trale_group_spawn(&group, dump_nowhere, nullptr) != 0 || trale_group_wait(&group) != 0)
        return 5;
    if (spawn(&task, dump_nowhere, nullptr) != 0 || (trale_join)(task, &result) != 0 ||
        result != 0)
        return 6;
    return trale_runtime_free(trale_runtime_default(), TRALE_NEVER) == 0 ? 0 : 7;
}
