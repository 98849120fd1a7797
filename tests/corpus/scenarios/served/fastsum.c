/* A library of a few sums, as a wheel brings it. */
long sum(long n) { long s = 0; for (long i = 0; i < n; i++) s += i; return s; }
