/* How much each function of these programs leaks: so that, with a sample each
 * LEAK_MEAN bytes, some 5,000 blocks are chosen. Then one sigma of the estimate
 * is 1.4 %, and a tenth is seven of them. */
#ifndef POOL_TESTS_DROP_IN_LEAK_SIZE_H_
#define POOL_TESTS_DROP_IN_LEAK_SIZE_H_

enum {
  LEAK_MEAN = 1000,
  LEAK_BYTES = 100, /* of a block; about a tenth of all are chosen */
  LEAK_BLOCKS = 52500,
  LEAK_SUM = LEAK_BYTES * LEAK_BLOCKS
};

#endif /* POOL_TESTS_DROP_IN_LEAK_SIZE_H_ */
