/* The one function behind the macros of async.h. */
#include <trale/async.h>

#include "base/list.h"

void trale_async_drop(trale_future *self)
{
    trale_async *async = container_of(self, trale_async, future);

    trale_future_drop(async->awaited);
    async->awaited = NULL;
}
