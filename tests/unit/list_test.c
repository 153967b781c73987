/* The intrusive list, against an array. */
#include "suite.h"

#include "base/list.h"
#include "seed.h"

struct item {
    int number;
    struct trale_link link;
};

static int number_of(const struct trale_link *link)
{
    return container_of(link, const struct item, link)->number;
}

/* Both directions, and the head. */
static void holds(const struct trale_link *head, const int *numbers, int count)
{
    const struct trale_link *link = head;
    for (int i = 0; i < count; i++) {
        ck_assert_ptr_eq(link->next->prev, link);
        link = link->next;
        ck_assert_int_eq(number_of(link), numbers[i]);
    }
    ck_assert_ptr_eq(link->next, head);
    ck_assert_ptr_eq(head->prev, link);
    ck_assert_int_eq(list_empty(head), count == 0);
}

START_TEST(an_empty_list_has_nothing)
{
    struct trale_link head;
    list_init(&head);
    ck_assert(list_empty(&head));
    ck_assert_ptr_null(list_pop_front(&head));
    holds(&head, NULL, 0);
}
END_TEST

START_TEST(first_in_is_first_out)
{
    struct trale_link head;
    struct item items[5];
    const int numbers[] = {0, 1, 2, 3, 4};
    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_push_back(&head, &items[i].link);
    }
    holds(&head, numbers, 5);
    for (int i = 0; i < 5; i++)
        ck_assert_ptr_eq(list_pop_front(&head), &items[i].link);
    holds(&head, NULL, 0);
}
END_TEST

START_TEST(a_link_is_removed_from_the_front_the_middle_and_the_back)
{
    struct trale_link head;
    struct item items[4];
    const int numbers[] = {1, 3};
    list_init(&head);
    for (int i = 0; i < 4; i++) {
        items[i].number = i;
        list_push_back(&head, &items[i].link);
    }
    list_remove(&items[2].link);
    list_remove(&items[0].link);
    holds(&head, numbers, 2);
    list_remove(&items[3].link);
    holds(&head, numbers, 1);
    list_remove(&items[1].link);
    holds(&head, NULL, 0);
}
END_TEST

START_TEST(a_link_that_meets_itself_can_be_removed)
{
    struct trale_link link;
    list_init(&link);
    list_remove(&link);
    ck_assert(list_empty(&link));
}
END_TEST

START_TEST(append_moves_everything_in_order)
{
    for (int sizes = 0; sizes < 16; sizes++) {
        int first = sizes % 4, second = sizes / 4;
        const int numbers[] = {0, 1, 2, 10, 11, 12};
        int expected[6], count = 0;
        struct trale_link head, from;
        struct item items[6];
        list_init(&head);
        list_init(&from);
        for (int i = 0; i < first; i++) {
            items[i].number = expected[count++] = numbers[i];
            list_push_back(&head, &items[i].link);
        }
        for (int i = 0; i < second; i++) {
            items[3 + i].number = expected[count++] = numbers[3 + i];
            list_push_back(&from, &items[3 + i].link);
        }
        list_append(&head, &from);
        holds(&head, expected, count);
        holds(&from, NULL, 0);
    }
}
END_TEST

START_TEST(random_pushes_and_removals_agree_with_an_array)
{
    enum { ITEMS = 64 };
    uint64_t seed = test_seed();
    struct item items[ITEMS];
    int model[ITEMS], count = 0;
    bool listed[ITEMS] = {false};
    struct trale_link head;
    list_init(&head);
    for (int i = 0; i < ITEMS; i++)
        items[i].number = i;
    for (long n = test_scale(20000); n > 0; n--) {
        int i = (int)random_below(&seed, ITEMS), at = 0;
        if (!listed[i]) {
            list_push_back(&head, &items[i].link);
            model[count++] = i;
        } else {
            list_remove(&items[i].link);
            while (model[at] != i)
                at++;
            for (count--; at < count; at++)
                model[at] = model[at + 1];
        }
        listed[i] = !listed[i];
        holds(&head, model, count);
    }
}
END_TEST

TEST_MAIN("list", an_empty_list_has_nothing, first_in_is_first_out,
          a_link_is_removed_from_the_front_the_middle_and_the_back,
          a_link_that_meets_itself_can_be_removed, append_moves_everything_in_order,
          random_pushes_and_removals_agree_with_an_array)
