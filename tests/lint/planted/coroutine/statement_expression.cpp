#define TRY(e) ({ auto r = (e); if (!r) co_return -1; *r; })  // EXPECT statement-expression
#define LONG_TRY(e) \
    ({ auto r = (e); *r; })  // EXPECT statement-expression
Task<int> one() {
    int x = ({ auto r = co_await f(); r; });  // EXPECT statement-expression
    co_return x;
}
